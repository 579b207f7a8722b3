import { BLOCK, checksumOf, type Entry, paddingOf, RECORDS_TYPE, TAR_TYPES } from "./entry.ts";

const TEXT_MAX = 100;
const ID_MAX = 0o7777777;
const NUMBER_MAX = 0o77777777777;

/** The header fields for records, which describe no file themselves. */
const RECORDS_HEADER = { mode: 0o644, uid: 0, gid: 0, mtimeS: 0, name: "x", link: "" };

const encoder = new TextEncoder();

/** Encodes an entry's header, preceded by records for the values that do not fit in it. */
export function encodeEntry(entry: Entry): Uint8Array<ArrayBuffer> {
  const records = encodeRecords(entry);
  if (records.length === 0) return encodeHeader({ ...entry, type: TAR_TYPES[entry.type] });
  const bytes = new Uint8Array(BLOCK + records.length + paddingOf(records.length) + BLOCK);
  bytes.set(encodeHeader({ ...RECORDS_HEADER, type: RECORDS_TYPE, size: records.length }));
  bytes.set(records, BLOCK);
  bytes.set(encodeHeader({ ...entry, type: TAR_TYPES[entry.type] }), bytes.length - BLOCK);
  return bytes;
}

/** The end of an archive: two blocks of zeros. */
export function encodeEnd(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(2 * BLOCK);
}

/** Truncates texts that do not fit, and writes 0 for numbers that do not fit. */
function encodeHeader(
  { type, mode, uid, gid, size, mtimeS, name, link }: Omit<Entry, "type"> & { type: string },
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK);
  const text = (at: number, value: string) => header.set(encoder.encode(value).subarray(0, TEXT_MAX), at);
  const octal = (at: number, digits: number, value: number) => text(at, value.toString(8).padStart(digits, "0"));
  const within = (value: number, most: number) => value >= 0 && value <= most ? Math.floor(value) : 0;
  text(0, name);
  octal(100, 7, mode);
  octal(108, 7, within(uid, ID_MAX));
  octal(116, 7, within(gid, ID_MAX));
  octal(124, 11, within(size, NUMBER_MAX));
  octal(136, 11, within(mtimeS, NUMBER_MAX));
  text(156, type);
  text(157, link);
  text(257, "ustar\x0000");
  octal(148, 7, checksumOf(header));
  return header;
}

function encodeRecords({ uid, gid, size, mtimeS, name, link }: Entry): Uint8Array<ArrayBuffer> {
  const records: [key: string, value: string | number][] = [];
  if (encoder.encode(name).length > TEXT_MAX) records.push(["path", name]);
  if (encoder.encode(link).length > TEXT_MAX) records.push(["linkpath", link]);
  if (size > NUMBER_MAX) records.push(["size", size]);
  if (uid > ID_MAX) records.push(["uid", uid]);
  if (gid > ID_MAX) records.push(["gid", gid]);
  // Six digits after the point: the precision of a double for present-day times.
  if (!Number.isInteger(mtimeS) || mtimeS < 0 || mtimeS > NUMBER_MAX) records.push(["mtime", mtimeS.toFixed(6)]);
  return encoder.encode(records.map(([key, value]) => encodeRecord(`${key}=${value}`)).join(""));
}

/** `LENGTH KEY=VALUE\n`; LENGTH is the length of the whole record, itself included. */
function encodeRecord(text: string): string {
  const rest = encoder.encode(text).length + 2;
  let length = rest + 1;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${length} ${text}\n`;
}

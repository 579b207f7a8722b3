import { BLOCK, checksumOf, type Entry, type EntryType, RECORDS_TYPE, TAR_TYPES } from "./entry.ts";

/** The largest size of a file, in bytes: 1 PiB. */
const SIZE_MAX = 2 ** 50;

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The archive is invalid or ends too early. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** A header of an archive; `records` extend the header that follows them. */
export type Header = Entry | { type: "records"; size: number };

/**
 * Reads a header as the guest's agent writes it; other dialects of tar are refused.
 *
 * @throws {ArchiveError} for anything else.
 */
export function decodeHeader(block: Uint8Array): Header {
  const text = (at: number, length: number) => decodeText(block.subarray(at, at + length));
  const octal = (at: number, length: number) => {
    const digits = text(at, length);
    if (!/^[0-7]+$/.test(digits)) throw new ArchiveError("The archive is broken");
    return parseInt(digits, 8);
  };
  if (block.length !== BLOCK || octal(148, 8) !== checksumOf(block)) throw new ArchiveError("The archive is broken");
  const letter = text(156, 1);
  const size = octal(124, 12);
  if (letter === RECORDS_TYPE) return { type: "records", size };
  const type = (Object.keys(TAR_TYPES) as EntryType[]).find((type) => TAR_TYPES[type] === letter);
  if (type === undefined || type !== "file" && size > 0) throw new ArchiveError("The archive is broken");
  return {
    type,
    mode: octal(100, 8) & 0o7777,
    uid: octal(108, 8),
    gid: octal(116, 8),
    size,
    mtimeS: octal(136, 12),
    name: text(0, 100),
    link: text(157, 100),
  };
}

/**
 * Returns the entry with the header's values replaced by those in its records.
 *
 * @throws {ArchiveError} for an invalid record.
 */
export function extendEntry(entry: Entry, records: Uint8Array): Entry {
  const extended = { ...entry };
  while (records.length > 0) {
    const length = Number(/^(\d{1,5}) /.exec(decodeText(records.subarray(0, 6)))?.[1] ?? NaN);
    if (!(length <= records.length)) throw new ArchiveError("The archive is broken");
    const [, key, value] = /^\d+ ([^=]+)=(.+)\n$/s.exec(decodeText(records.subarray(0, length))) ?? [];
    if (key === undefined || value === undefined) throw new ArchiveError("The archive is broken");
    extendField(extended, key, value);
    records = records.subarray(length);
  }
  return extended;
}

function extendField(entry: Entry, key: string, value: string): void {
  const number = (form: RegExp, most: number) => {
    if (!form.test(value) || Number(value) > most) throw new ArchiveError("The archive is broken");
    return Number(value);
  };
  switch (key) {
    case "path":
      entry.name = value;
      break;
    case "linkpath":
      entry.link = value;
      break;
    case "mtime":
      entry.mtimeS = number(/^-?\d{1,15}(\.\d{1,9})?$/, Infinity);
      break;
    case "uid":
    case "gid":
      entry[key] = number(/^\d{1,10}$/, 2 ** 32 - 2);
      break;
    case "size":
      entry.size = number(/^\d{1,16}$/, entry.type === "file" ? SIZE_MAX : 0);
      break;
    default:
      throw new ArchiveError("The archive is broken");
  }
}

/** The text up to the first NUL; a header may cut it off within a character. */
function decodeText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

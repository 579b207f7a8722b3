import { encodeEnd, encodeEntry } from "../../src/archive/encode.ts";
import { type Entry, paddingOf } from "../../src/archive/entry.ts";

/** An entry of a test's archive. Omitted fields have defaults; the size is the length of the data. */
export type TestEntry = Partial<Entry> & { name: string; data?: string };

/** The bytes of an entry with its data. */
export function tarEntry({ data = "", ...changes }: TestEntry): Uint8Array<ArrayBuffer> {
  const content = new TextEncoder().encode(data);
  const size = content.length;
  const entry: Entry = { type: "file", mode: 0o644, uid: 0, gid: 0, size, mtimeS: 1000, link: "", ...changes };
  const header = encodeEntry(entry);
  const bytes = new Uint8Array(header.length + size + paddingOf(size));
  bytes.set(header);
  bytes.set(content, header.length);
  return bytes;
}

/** An archive whose root is a folder with these entries. */
export async function tarArchive(...entries: TestEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  const root: TestEntry = { type: "folder", mode: 0o755, name: "." };
  return await new Blob([...[root, ...entries].map(tarEntry), encodeEnd()]).bytes();
}

/** Bytes as a stream, in chunks of this size. */
export async function* inChunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

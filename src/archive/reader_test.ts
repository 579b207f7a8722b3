import assert from "node:assert/strict";
import { ArchiveError } from "./decode.ts";
import { encodeEnd, encodeEntry } from "./encode.ts";
import type { Entry } from "./entry.ts";
import { ArchiveReader } from "./reader.ts";

const LONG = "\u00e9".repeat(120);
const ENTRIES: Entry[] = [
  { type: "folder", mode: 0o755, uid: 0, gid: 0, size: 0, mtimeS: 1000, name: ".", link: "" },
  { type: "file", mode: 0o600, uid: 3e6, gid: 4e6, size: 0, mtimeS: 1.25, name: `./${LONG}`, link: "" },
  { type: "symlink", mode: 0o777, uid: 1, gid: 2, size: 0, mtimeS: -1.5, name: "./link", link: LONG },
  { type: "file", mode: 0o644, uid: 0, gid: 0, size: 700, mtimeS: 1e12, name: "./file", link: "" },
];
const DATA = new Uint8Array(1024).fill(7, 0, 700);

/** An archive of these entries; the last one has data. */
async function archive(): Promise<Uint8Array<ArrayBuffer>> {
  return await new Blob([...ENTRIES.map(encodeEntry), DATA, encodeEnd()]).bytes();
}

async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function readAll(bytes: Uint8Array, chunkSize = 1000): Promise<{ entries: Entry[]; data: number[] }> {
  const reader = new ArchiveReader(chunksOf(bytes, chunkSize));
  const [entries, data]: [Entry[], number[]] = [[], []];
  for (let entry = await reader.next(); entry; entry = await reader.next()) {
    entries.push(entry);
    for (let some = await reader.read(); some; some = await reader.read()) data.push(...some);
  }
  return { entries, data };
}

Deno.test("ArchiveReader reads what was encoded, in chunks of any size", async () => {
  for (const size of [1, 511, 512, 513, 100_000]) {
    const { entries, data } = await readAll(await archive(), size);
    assert.deepEqual(entries, ENTRIES);
    assert.deepEqual(data, [...DATA.subarray(0, 700)]);
  }
});

Deno.test("ArchiveReader skips data that was not read", async () => {
  const reader = new ArchiveReader(chunksOf(await archive(), 100));
  for (const { name } of ENTRIES) assert.equal((await reader.next())?.name, name);
  assert.equal(await reader.next(), undefined);
});

Deno.test("ArchiveReader refuses an archive that is cut off anywhere", async () => {
  const bytes = await archive();
  for (let length = 0; length < bytes.length; length += 100) {
    await assert.rejects(readAll(bytes.subarray(0, length)), /^ArchiveError: The archive ends too early$/);
  }
});

Deno.test("ArchiveReader refuses data after the end, records without an entry, and too many records", async () => {
  const refuse = async (...parts: Uint8Array<ArrayBuffer>[]) =>
    await assert.rejects(readAll(await new Blob(parts).bytes()), ArchiveError);
  const records = encodeEntry(ENTRIES[1]!);
  await refuse(encodeEnd(), new Uint8Array(1));
  await refuse(records.subarray(0, -512), encodeEnd());
  await refuse(records.subarray(0, -512), records, encodeEnd());
  await refuse(encodeEntry({ ...ENTRIES[1]!, name: "x".repeat(10_000) }), encodeEnd());
});

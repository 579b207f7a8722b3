import assert from "node:assert/strict";
import { ArchiveError, decodeHeader, extendEntry } from "./decode.ts";
import { encodeEntry } from "./encode.ts";
import { checksumOf, type Entry } from "./entry.ts";

const FILE: Entry = { type: "file", mode: 0o640, uid: 7, gid: 8, size: 9, mtimeS: 1000, name: "./file", link: "" };

/** A header with other bytes at `at` and a correct checksum. */
function headerWith(at: number, text: string): Uint8Array {
  const header = encodeEntry(FILE);
  header.set(new TextEncoder().encode(text), at);
  header.set(new TextEncoder().encode(checksumOf(header).toString(8).padStart(7, "0")), 148);
  return header;
}

Deno.test("decodeHeader() reads the output of encodeEntry()", () => {
  assert.deepEqual(decodeHeader(encodeEntry(FILE)), FILE);
  const link: Entry = { ...FILE, type: "symlink", mode: 0o7777, size: 0, link: "../x" };
  assert.deepEqual(decodeHeader(encodeEntry(link)), link);
});

Deno.test("decodeHeader() refuses headers that the agent never writes", () => {
  const wrong = encodeEntry(FILE);
  wrong[0]! += 1;
  const refused = [
    wrong,
    encodeEntry(FILE).subarray(1),
    headerWith(100, "x"),
    headerWith(124, "\x7f\x7f"),
    headerWith(124, " 1"),
    headerWith(156, "3"),
    headerWith(156, "L"),
    headerWith(156, "\0"),
    headerWith(156, "2"), // a link with data
  ];
  for (const header of refused) assert.throws(() => decodeHeader(header), ArchiveError);
});

Deno.test("extendEntry() overrides fields with records", () => {
  const records = "9 path=a\n14 linkpath=b\n14 mtime=-1.5\n12 uid=1234\n11 gid=567\n19 size=9000000000\n";
  assert.deepEqual(extendEntry(FILE, new TextEncoder().encode(records)), {
    ...FILE,
    name: "a",
    link: "b",
    mtimeS: -1.5,
    uid: 1234,
    gid: 567,
    size: 9e9,
  });
});

Deno.test("extendEntry() refuses invalid records and values", () => {
  const refused = [
    ...["x", "9", "9 ", "99 path=a\n", "8 path=a\n", "9 path=a", "1 \n", "8 path=\n", "999999 path=a\n", "9 pa\0h=a\n"],
    ...["11 size=-1\n", "12 size=1e3\n", "25 size=9999999999999999\n", "18 uid=4294967295\n", "15 mtime=1.5.5\n"],
    ...["10 mtime=\n", "11 mtime=x\n", "11 what=is\n"],
  ];
  for (const records of refused) {
    assert.throws(() => extendEntry(FILE, new TextEncoder().encode(records)), ArchiveError, records);
  }
});

import assert from "node:assert/strict";
import { PayloadReader, PayloadWriter, ProtocolError } from "./payload.ts";

const u32 = (value: number) => [...new PayloadWriter().u32(value).finish()];
const reader = (...bytes: number[]) => new PayloadReader(new Uint8Array(bytes));

Deno.test("PayloadWriter and PayloadReader agree on every kind of field", () => {
  const text = '\u{e4}\u{20ac}\u{1f600} "\n';
  const blob = new Uint8Array(1000).map((_, index) => index);
  const bytes = new PayloadWriter()
    .u32(0).u32(2 ** 32 - 1).u64(0n).u64(2n ** 64n - 1n).str("").str(text).blob(new Uint8Array()).blob(blob)
    .list([], () => assert.fail("an item of an empty list"))
    .list(["a", "b"], (writer, item) => writer.str(item))
    .finish();
  const fields = new PayloadReader(bytes);
  assert.equal(fields.u32(), 0);
  assert.equal(fields.u32(), 2 ** 32 - 1);
  assert.equal(fields.u64(), 0n);
  assert.equal(fields.u64(), 2n ** 64n - 1n);
  assert.equal(fields.str(), "");
  assert.equal(fields.str(), text);
  assert.deepEqual(fields.blob(), new Uint8Array());
  assert.deepEqual(fields.blob(), blob);
  assert.deepEqual(fields.list((item) => item.str()), []);
  assert.deepEqual(fields.list((item) => item.str()), ["a", "b"]);
  fields.end();
});

Deno.test("PayloadWriter grows as needed", () => {
  const blob = new Uint8Array(100_000).fill(5);
  const bytes = new PayloadWriter().u32(7).blob(blob).u32(8).finish();
  assert.equal(bytes.length, 4 + 4 + blob.length + 4);
  const fields = new PayloadReader(bytes);
  assert.deepEqual([fields.u32(), fields.blob(), fields.u32()], [7, blob, 8]);
});

Deno.test("PayloadReader reads a payload inside a larger buffer", () => {
  const bytes = new Uint8Array([9, 9, ...u32(2), 104, 105, 9]);
  assert.equal(new PayloadReader(bytes.subarray(2, 8)).str(), "hi");
});

Deno.test("PayloadReader refuses a field that is cut off", () => {
  assert.throws(() => reader(1, 2, 3).u32(), { name: "ProtocolError", message: "payload ends inside a field" });
  assert.throws(() => reader(1, 2, 3, 4, 5, 6, 7).u64(), ProtocolError);
  assert.throws(() => reader(...u32(3), 1, 2).blob(), ProtocolError);
  assert.throws(() => reader(...u32(3), 97, 97).str(), ProtocolError);
});

Deno.test("PayloadReader refuses a forged length without allocating for it", () => {
  assert.throws(() => reader(...u32(2 ** 32 - 1), 1).blob(), ProtocolError);
  assert.throws(() => reader(...u32(2 ** 31), 1).str(), ProtocolError);
});

Deno.test("PayloadReader ends a list with a forged count at the payload's end", () => {
  let read = 0;
  assert.throws(
    () =>
      reader(...u32(2 ** 32 - 1), ...u32(0), ...u32(0)).list((item) => {
        read++;
        return item.str();
      }),
    ProtocolError,
  );
  assert.equal(read, 3, "two items, and the one that is not there");
});

Deno.test("PayloadReader refuses NUL in a string and accepts it in a blob", () => {
  assert.throws(() => reader(...u32(3), 97, 0, 98).str(), { name: "ProtocolError", message: "NUL in a string" });
  assert.deepEqual(reader(...u32(1), 0).blob(), new Uint8Array([0]));
});

Deno.test("PayloadReader decodes invalid UTF-8 as U+FFFD, and keeps a byte order mark", () => {
  assert.equal(reader(...u32(3), 97, 0xff, 98).str(), "a\ufffdb");
  assert.equal(reader(...u32(3), 0xef, 0xbb, 0xbf).str(), "\ufeff");
});

Deno.test("PayloadReader refuses bytes after the last field", () => {
  const fields = reader(...u32(1), 0, 0);
  fields.u32();
  assert.throws(() => fields.end(), { name: "ProtocolError", message: "2 bytes after the last field" });
});

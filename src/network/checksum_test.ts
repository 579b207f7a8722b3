import assert from "node:assert/strict";
import { Random } from "../../tests/fuzz/random.ts";
import { checksumOf, SummedBytes } from "./checksum.ts";

/** Computes the checksum as RFC 1071 describes it: big-endian words, one by one. */
function slowChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

Deno.test("SummedBytes computes the checksum of RFC 1071 for any offset and length", () => {
  const random = new Random(3);
  const memory = new SummedBytes(new ArrayBuffer(4096));
  memory.bytes.set(random.bytes(4096));
  const view = new DataView(memory.bytes.buffer);
  for (let round = 0; round < 2000; round++) {
    const start = random.upTo(2000);
    const length = random.upTo(round % 2 === 0 ? 12 : 2000);
    const expected = slowChecksum(memory.bytes.subarray(start, start + length));
    const stored = new DataView(new ArrayBuffer(2));
    stored.setUint16(0, checksumOf(memory.sum(start, length)), true);
    assert.equal(stored.getUint16(0), expected, `${length} bytes at ${start} of ${view.byteLength}`);
  }
});

Deno.test("SummedBytes.sum() adds to an earlier sum", () => {
  const memory = new SummedBytes(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer);
  assert.equal(memory.sum(4, 4, memory.sum(0, 4)), memory.sum(0, 8));
});

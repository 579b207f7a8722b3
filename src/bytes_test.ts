import assert from "node:assert/strict";
import { concat } from "./bytes.ts";

Deno.test("concat() returns the bytes of all parts in order", () => {
  const [one, two] = [new Uint8Array([1, 2]), new Uint8Array([3])];
  assert.deepEqual(concat([one, new Uint8Array(), two]), new Uint8Array([1, 2, 3]));
  assert.equal(concat([one]), one);
  assert.equal(concat([]).length, 0);
});

import assert from "node:assert/strict";
import { Random } from "../../tests/fuzz/random.ts";
import { Gaps } from "./gaps.ts";
import { Budget, Ring } from "./ring.ts";

Deno.test("Ring returns the same bytes in order, however it is filled and emptied", () => {
  const random = new Random(1);
  for (let round = 0; round < 50; round++) {
    const ring = new Ring(new Budget(1024 ** 2), 65_536);
    const given: number[] = [];
    const taken: number[] = [];
    for (let step = 0; step < 200; step++) {
      if (random.upTo(1) === 0) {
        const bytes = random.bytes(random.upTo(5000));
        given.push(...bytes.subarray(0, ring.push(bytes)));
      } else {
        const bytes = ring.peek();
        const count = random.upTo(bytes.length);
        taken.push(...bytes.subarray(0, count));
        ring.consume(count);
      }
      assert.ok(ring.length <= 65_536);
    }
    while (ring.length > 0) {
      taken.push(...ring.peek());
      ring.consume(ring.peek().length);
    }
    assert.deepEqual(taken, given);
  }
});

Deno.test("Ring contains bytes that were written to space(), and bytes that were placed after a gap", () => {
  const ring = new Ring(new Budget(1024 ** 2), 16_384);
  const space = ring.space();
  space.set([1, 2, 3]);
  ring.commit(3);
  assert.ok(ring.place(6, new Uint8Array([7, 8, 9])));
  ring.push(new Uint8Array([4, 5, 6]));
  // The ring moves to larger memory, with the placed bytes.
  assert.ok(ring.place(10_000, new Uint8Array([10])));
  ring.commit(3);
  const copied = new Uint8Array(9);
  ring.copy(0, 9, copied, 0);
  assert.deepEqual([...copied], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(ring.place(16_384, new Uint8Array([1])), false);
});

Deno.test("Ring grows within the budget, but always has its first KiB", () => {
  const budget = new Budget(10_000);
  const rings = [new Ring(budget, 65_536), new Ring(budget, 65_536), new Ring(budget, 65_536)];
  const taken = rings.map((ring) => ring.push(new Uint8Array(60_000)));
  assert.deepEqual(taken, [4096, 4096, 4096]);
  for (const ring of rings) ring.free();
  assert.equal(budget.used, 0);
});

Deno.test("Gaps.advance() returns how many bytes arrived early, in any order", () => {
  const gaps = new Gaps();
  assert.ok(gaps.add(10, 20) && gaps.add(30, 40) && gaps.add(20, 25));
  assert.equal(gaps.advance(5), 0);
  assert.equal(gaps.advance(5), 15); // from 10 to 25
  assert.equal(gaps.advance(2), 0);
  assert.equal(gaps.advance(3), 10); // from 30 to 40
  assert.equal(gaps.advance(1), 0);
  for (let piece = 0; piece < 32; piece++) assert.ok(gaps.add(100 + piece * 10, 105 + piece * 10));
  assert.equal(gaps.add(1000, 1001), false);
  assert.ok(gaps.add(105, 110));
});

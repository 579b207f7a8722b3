import assert from "node:assert/strict";
import { Pins } from "./pins.ts";

Deno.test("Pins keeps names for the TTL of the answer, within limits", () => {
  let now = 0;
  const pins = new Pins(() => now);
  pins.add(1, "short.test", 1);
  pins.add(1, "long.test", 1_000_000);
  pins.add(2, "usual.test", 300);
  now = 29_000;
  assert.deepEqual(pins.namesOf(1), ["short.test", "long.test"]);
  now = 31_000;
  assert.deepEqual([pins.namesOf(1), pins.namesOf(2), pins.namesOf(3)], [["long.test"], ["usual.test"], []]);
  now = 301_000;
  assert.deepEqual(pins.namesOf(2), []);
  now = 3_601_000;
  assert.deepEqual(pins.namesOf(1), []);
});

Deno.test("Pins forgets the least recently resolved addresses and names above its limits", () => {
  const pins = new Pins(() => 0);
  for (let address = 0; address < 5000; address++) pins.add(address, "a.test", 60);
  assert.deepEqual([pins.namesOf(0), pins.namesOf(4999)], [[], ["a.test"]]);
  for (let name = 0; name < 100; name++) pins.add(4999, `${name}.test`, 60);
  assert.equal(pins.namesOf(4999).length, 64);
  assert.equal(pins.namesOf(4999).at(-1), "99.test");
});

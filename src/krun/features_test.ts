import assert from "node:assert/strict";
import { featuresOf, missingFunctions } from "./features.ts";
import { type Krun, KRUN_SYMBOLS } from "./symbols.ts";

/** A fake libkrun with these functions replaced. */
function fakeKrun(functions: Record<string, unknown>): Krun {
  const all = Object.keys(KRUN_SYMBOLS).map((name) => [name, () => 0]);
  return { ...Object.fromEntries(all), ...functions };
}

Deno.test("featuresOf() returns the features that libkrun has, and omits those that it does not know", () => {
  const answers: Record<string, number> = { 0: 1, 1: 1, 2: 0 };
  const krun = fakeKrun({ krun_has_feature: (number: bigint) => answers[`${number}`] ?? -22 });
  assert.deepEqual(featuresOf(krun), ["NET", "BLK"]);
  assert.equal(featuresOf(fakeKrun({ krun_has_feature: null })), undefined);
});

Deno.test("missingFunctions() names the functions that a libkrun lacks", () => {
  assert.deepEqual(missingFunctions(fakeKrun({})), []);
  assert.deepEqual(missingFunctions(fakeKrun({ krun_add_virtiofs3: null })), ["krun_add_virtiofs3"]);
});

import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { type Check, runChecks } from "./check.ts";

const run = (...checks: Check[]) => runChecks(checks, { timeoutMs: 20 });

Deno.test("runChecks() reports checks in their order, even if a later one finishes first", async () => {
  const slow = Promise.withResolvers<void>();
  const findings = run(
    { name: "slow", run: () => slow.promise.then(() => ({ status: "warning", found: "b", hint: "Fix it." })) },
    { name: "quick", run: () => (slow.resolve(), { status: "ok", found: "a" }) },
  );
  assert.deepEqual(await findings, [
    { name: "slow", status: "warning", found: "b", hint: "Fix it." },
    { name: "quick", status: "ok", found: "a", hint: null },
  ]);
});

Deno.test("runChecks() reports a thrown error with its hint", async () => {
  const fail = () => {
    throw new SmolvmError("dependency", "Cannot find it", { hint: "Install it." });
  };
  assert.deepEqual(await run({ name: "a", run: fail }, { name: "b", run: () => Promise.reject(new Error("Oh")) }), [
    { name: "a", status: "error", found: "Cannot find it", hint: "Install it." },
    { name: "b", status: "error", found: "Oh", hint: null },
  ]);
});

Deno.test("runChecks() ends a check that takes too long", async () => {
  const ended = Promise.withResolvers<void>();
  const stuck = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => ended.resolve());
    return new Promise<never>(() => {});
  };
  assert.deepEqual(await run({ name: "a", run: stuck }), [
    { name: "a", status: "error", found: "no answer within 0.02 s", hint: null },
  ]);
  await ended.promise;
});

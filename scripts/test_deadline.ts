/**
 * Gives every test a deadline. After it, Deno reports the test as failed, by name, and continues with the next test:
 *
 *     deno test --preload scripts/test_deadline.ts ...
 *
 * A test that needs longer sets `timeout`. `SMOLVM_TEST_DEADLINE_MS` changes the deadline of all other tests.
 *
 * @module
 */

/** Tests that boot a few VMs in an emulated machine on a busy host take up to half this time. */
const DEADLINE_MS = Number(Deno.env.get("SMOLVM_TEST_DEADLINE_MS") ?? 600_000);
/** The property in which Deno looks for a test's location; without it, Deno uses the caller of `Deno.test`. */
const LOCATION = Symbol.for("Deno.test.location");

const { test } = Deno;
const bounded = Object.assign((...args: unknown[]) => test(withDeadline(args)), test, {
  ignore: (...args: unknown[]) => test.ignore(withDeadline(args)),
  only: (...args: unknown[]) => test.only(withDeadline(args)),
});
Object.assign(Deno, { test: bounded });

/** Converts any arguments of `Deno.test` to a definition with a deadline and a location. */
function withDeadline(args: unknown[]): Deno.TestDefinition {
  const parts = args.map((arg) => {
    if (typeof arg === "string") return { name: arg };
    return typeof arg === "function" ? { fn: arg } : arg;
  });
  const definition: Deno.TestDefinition = Object.assign({ timeout: DEADLINE_MS }, ...parts);
  Object.assign(definition.fn, { [LOCATION]: callerOf() });
  return definition;
}

/** The innermost location on the stack outside this file. */
function callerOf(): string | undefined {
  const places = new Error().stack!.matchAll(/\bfile:\S+:\d+:\d+\b/g);
  return places.map(([place]) => place).find((place) => !place.startsWith(import.meta.url));
}

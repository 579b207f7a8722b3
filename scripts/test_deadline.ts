/**
 * Gives every test a deadline, past which Deno fails it by its name and goes on with the next one:
 *
 *     deno test --preload scripts/test_deadline.ts ...
 *
 * A test that needs longer has a `timeout` of its own. `SMOLVM_TEST_DEADLINE_MS` changes that of the others.
 *
 * @module
 */

/** Tests that boot a few VMs in an emulated machine on a busy host take up to half as long. */
const DEADLINE_MS = Number(Deno.env.get("SMOLVM_TEST_DEADLINE_MS") ?? 600_000);
/** Where Deno looks for the place of a test, which is else the caller of its `test`. */
const LOCATION = Symbol.for("Deno.test.location");

const { test } = Deno;
const bounded = Object.assign((...args: unknown[]) => test(withDeadline(args)), test, {
  ignore: (...args: unknown[]) => test.ignore(withDeadline(args)),
  only: (...args: unknown[]) => test.only(withDeadline(args)),
});
Object.assign(Deno, { test: bounded });

/** The one definition that any arguments of `Deno.test` stand for. */
function withDeadline(args: unknown[]): Deno.TestDefinition {
  const parts = args.map((arg) => {
    if (typeof arg === "string") return { name: arg };
    return typeof arg === "function" ? { fn: arg } : arg;
  });
  const definition: Deno.TestDefinition = Object.assign({ timeout: DEADLINE_MS }, ...parts);
  Object.assign(definition.fn, { [LOCATION]: callerOf() });
  return definition;
}

/** The first place on the stack outside this file. */
function callerOf(): string | undefined {
  const places = new Error().stack!.matchAll(/\bfile:\S+:\d+:\d+\b/g);
  return places.map(([place]) => place).find((place) => !place.startsWith(import.meta.url));
}

import assert from "node:assert/strict";
import { assertCode, runProcess } from "./process.ts";

/** Whether this Deno has datagrams: one without --unstable-net, such as that of the tests, has not. */
const hasDatagrams = "listenDatagram" in Deno;

/**
 * Registers tests that need datagrams, of a file: where there are none, one that runs them in a Deno that has.
 *
 * @param url the file's own, which has so many of them
 * @param what they are about
 */
export function datagramTests(
  url: string,
  { what, count }: { what: string; count: number },
): (name: string, body: () => Promise<void>) => void {
  if (hasDatagrams) return (name, body) => Deno.test(name, body);
  Deno.test(`${what} passes its tests in a Deno that has datagrams`, async () => {
    const flags = ["--allow-all", "--no-check", "--cached-only", "--frozen", "--unstable-net"];
    const file = decodeURIComponent(new URL(url).pathname);
    const outcome = await runProcess(Deno.execPath(), { args: ["test", ...flags, file] });
    assertCode(outcome, 0);
    assert.match(outcome.stdout, new RegExp(`\\b${count} passed`));
  });
  return () => {};
}

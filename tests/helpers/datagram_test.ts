import assert from "node:assert/strict";
import { assertCode, runProcess } from "./process.ts";

/** Whether Deno has its datagram API: it needs --unstable-net, which the tests run without. */
const supportsDatagrams = "listenDatagram" in Deno;

/**
 * Returns a function that registers a file's tests that need datagrams. Without datagrams, it registers nothing;
 * instead, a single test runs the file in a Deno that has them.
 *
 * @param url the URL of the test file
 * @param options what is tested, and how many tests need datagrams
 */
export function datagramTests(
  url: string,
  { what, count }: { what: string; count: number },
): (name: string, body: () => Promise<void>) => void {
  if (supportsDatagrams) return (name, body) => Deno.test(name, body);
  Deno.test(`${what} passes its tests in a Deno with datagrams`, async () => {
    const flags = ["--allow-all", "--no-check", "--cached-only", "--frozen", "--unstable-net"];
    const file = decodeURIComponent(new URL(url).pathname);
    const outcome = await runProcess(Deno.execPath(), { args: ["test", ...flags, file] });
    assertCode(outcome, 0);
    assert.match(outcome.stdout, new RegExp(`\\b${count} passed`));
  });
  return () => {};
}

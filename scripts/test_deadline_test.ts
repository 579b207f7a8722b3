import assert from "node:assert/strict";
import { makeTempFolder } from "../tests/helpers/temp_folder.ts";
import { runProcess } from "../tests/helpers/process.ts";
import { until } from "../tests/helpers/until.ts";

Deno.test("test_deadline.ts fails a test that does not end, with its name and location, and continues with the next", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/a_test.ts`;
  const forever = "() => new Promise(() => setInterval(() => {}, 100))";
  const tests = [
    `Deno.test("waits", ${forever});`,
    `Deno.test({ name: "waits as well", fn: ${forever} });`,
    'Deno.test("computes", () => { while (true); });',
    'Deno.test("has its own", { timeout: 600_000 }, () => new Promise((resolve) => setTimeout(resolve, 1000)));',
    'Deno.test("ends", () => {});',
    "Deno.test(function named() {});",
    'Deno.test({ name: "definition" }, () => {});',
    'Deno.test.ignore("ignored", () => { throw new Error(); });',
  ];
  await Deno.writeTextFile(path, tests.join("\n"));
  const preload = decodeURIComponent(new URL("test_deadline.ts", import.meta.url).pathname);
  const { code, stdout } = await runProcess(Deno.execPath(), {
    args: ["test", "--allow-all", "--no-check", "--no-config", `--preload=${preload}`, path],
    env: { NO_COLOR: "1", SMOLVM_TEST_DEADLINE_MS: "300" },
  });
  assert.equal(code, 1);
  const results = [...stdout.matchAll(/^(.*) \.\.\. (ok|FAILED|ignored) /gm)].map(([, name, result]) => [name, result]);
  assert.deepEqual(Object.fromEntries(results), {
    "waits": "FAILED",
    "waits as well": "FAILED",
    "computes": "FAILED",
    "has its own": "ok",
    "ends": "ok",
    "named": "ok",
    "definition": "ok",
    "ignored": "ignored",
  });
  for (const [index, name] of ["waits", "waits as well", "computes"].entries()) {
    const error = `^${name} => .*a_test\\.ts:${index + 1}:\\d+\nerror: Test timed out after 300ms\\.$`;
    assert.match(stdout, new RegExp(error, "m"));
  }
});

Deno.test("until() polls until a condition holds, and fails with the condition's source when that takes too long", async () => {
  let looks = 0;
  await until(() => Promise.resolve(++looks === 3), { everyMs: 1 });
  assert.equal(looks, 3);
  await assert.rejects(until(() => looks > 3, { everyMs: 1, timeoutMs: 20 }), {
    message: /^Still false after 20 ms: .*looks > 3$/,
  });
  await assert.rejects(until(() => Promise.reject(new Error("cannot look"))), { message: "cannot look" });
});

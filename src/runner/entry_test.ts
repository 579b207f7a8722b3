import assert from "node:assert/strict";
import { runProcess } from "../../tests/helpers/process.ts";
import { parseLibraryReport } from "../runner_interface/library_report.ts";
import { denoFlags, roleCommand } from "./entry.ts";

/** Runs a process with a role and an empty input until it exits. */
function play(role: "runner" | "probe") {
  const { argv: [command, ...args], env } = roleCommand(role);
  return runProcess(command!, { args, env });
}

Deno.test('roleCommand("runner") starts a runner, which exits at once without a specification', async () => {
  const { code, stdout, stderr } = await play("runner");
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
  // Only a runner fails on input that is not a specification.
  const { argv: [command, ...args], env } = roleCommand("runner");
  assert.match((await runProcess(command!, { args, env, input: "{}\n" })).stderr, /specification/i);
});

Deno.test('roleCommand("probe") starts a process that inspects libkrun', async () => {
  const { libkrun } = parseLibraryReport((await play("probe")).stdout);
  assert.ok("path" in libkrun, JSON.stringify(libkrun));
});

Deno.test("a process removes its role from the environment, and an argument does not set a role", async () => {
  const script = `await import(${JSON.stringify(import.meta.resolve("./entry.ts"))});
    console.log(Deno.args, Deno.env.get("SMOLVM_ROLE"));`;
  const args = ["eval", "--no-check", script, "__runner"];
  const { stdout } = await runProcess(Deno.execPath(), { args, env: { SMOLVM_ROLE: "nobody" } });
  assert.equal(stdout, '[ "__runner" ] undefined\n');
});

Deno.test("denoFlags() makes V8 compile the bundle at once, whose code Deno caches, but not a source file", () => {
  const v8 = (file: string, ...flags: string[]) => denoFlags(file, flags).filter((flag) => flag.startsWith("--v8-"));
  assert.deepEqual(v8("/lib/main.js"), ["--v8-flags=--no-lazy"]);
  assert.deepEqual(v8("/lib/main.js", "--jitless"), ["--v8-flags=--jitless,--no-lazy"]);
  assert.deepEqual(v8("/src/main.ts"), []);
});

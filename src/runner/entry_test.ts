import assert from "node:assert/strict";
import { runProcess } from "../../tests/helpers/process.ts";
import { parseLibraryReport } from "../runner_interface/library_report.ts";
import { denoFlags, roleCommand } from "./entry.ts";

/** Runs a process with a role to its end, with an input that is empty. */
function play(role: "runner" | "probe") {
  const { argv: [command, ...args], env } = roleCommand(role);
  return runProcess(command!, { args, env });
}

Deno.test('roleCommand("runner") starts a runner, which ends at once when nobody wants a machine', async () => {
  const { code, stdout, stderr } = await play("runner");
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
  // Only a runner fails on input that is no specification.
  const { argv: [command, ...args], env } = roleCommand("runner");
  assert.match((await runProcess(command!, { args, env, input: "{}\n" })).stderr, /specification/i);
});

Deno.test('roleCommand("probe") starts what looks at libkrun', async () => {
  const { libkrun } = parseLibraryReport((await play("probe")).stdout);
  assert.ok("path" in libkrun, JSON.stringify(libkrun));
});

Deno.test("a role is not for what its process starts, and nothing becomes a runner by an argument", async () => {
  const script = `await import(${JSON.stringify(import.meta.resolve("./entry.ts"))});
    console.log(Deno.args, Deno.env.get("SMOLVM_ROLE"));`;
  const args = ["eval", "--no-check", script, "__runner"];
  const { stdout } = await runProcess(Deno.execPath(), { args, env: { SMOLVM_ROLE: "nobody" } });
  assert.equal(stdout, '[ "__runner" ] undefined\n');
});

Deno.test("denoFlags() has V8 compile at once what Deno keeps compiled, which is the bundle and no source", () => {
  const v8 = (file: string, ...flags: string[]) => denoFlags(file, flags).filter((flag) => flag.startsWith("--v8-"));
  assert.deepEqual(v8("/lib/main.js"), ["--v8-flags=--no-lazy"]);
  assert.deepEqual(v8("/lib/main.js", "--jitless"), ["--v8-flags=--jitless,--no-lazy"]);
  assert.deepEqual(v8("/src/main.ts"), []);
});

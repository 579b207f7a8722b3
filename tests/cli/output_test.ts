import assert from "node:assert/strict";
import { makeCli, SMOLVM } from "../helpers/cli.ts";
import { runProcess } from "../helpers/process.ts";

const BAD = ["run", "--memroy"];

/** What a terminal shows of `smolvm ARGS`. */
async function onTerminal(args: string[], env: Record<string, string>): Promise<string> {
  const command = [SMOLVM, ...args].map((word) => `'${word}'`).join(" ");
  const script = Deno.build.os === "darwin"
    ? ["-q", "/dev/null", SMOLVM, ...args]
    : ["--quiet", "--return", "--command", command, "/dev/null"];
  const { code, stdout } = await runProcess("script", { args: script, env: { TERM: "xterm", ...env } });
  assert.equal(code, 125, stdout);
  return stdout;
}

Deno.test("smolvm's errors have colour on a terminal", async () => {
  const shown = await onTerminal(BAD, { NO_COLOR: "" });
  assert.ok(shown.startsWith("\x1b[31msmolvm:\x1b[0m Unknown option"), JSON.stringify(shown));
});

Deno.test("smolvm's errors have no colour for those who want none, or in a pipe", async () => {
  const shown = await onTerminal(BAD, { NO_COLOR: "1" });
  assert.ok(shown.startsWith("smolvm: Unknown option"), JSON.stringify(shown));
  using cli = makeCli();
  const { stderr } = await cli.run(BAD, { env: { NO_COLOR: "", TERM: "xterm" } });
  assert.equal(
    stderr,
    "smolvm: Unknown option '--memroy'\n(Did you mean --memory?)\nRun 'smolvm run --help' for more.\n",
  );
});

Deno.test("smolvm's errors have their cause and place only for those who ask for details", async () => {
  using cli = makeCli();
  const args = ["run", "./none"];
  const message = 'smolvm: Cannot use the folder "./none": No such file or directory\n';
  assert.equal((await cli.run(args)).stderr, message);
  for (const env of [{ SMOLVM_LOG: "debug" }, { RUST_LOG: "smolvm=trace" }]) {
    const { stderr } = await cli.run(args, { env });
    assert.ok(stderr.includes(message), stderr);
    assert.match(stderr, /^SmolvmError: .*\n +at /m);
    assert.match(stderr, /\[cause\]: NotFound/);
  }
});

Deno.test("output that cannot be written is one sentence", { ignore: Deno.build.os !== "linux" }, async () => {
  const outcome = await runProcess("sh", { args: ["-c", '"$0" --help >/dev/full', SMOLVM] });
  assert.deepEqual([outcome.code, outcome.stderr], [125, "smolvm: No space left on device\n"]);
});

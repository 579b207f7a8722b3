import assert from "node:assert/strict";
import plugin from "./lint_plugin.ts";

/** The rule's messages for a file of this checkout with that source. */
const messages = (file: string, source: string) =>
  Deno.lint.runPlugin(plugin, new URL(`../${file}`, import.meta.url).pathname, source).map(({ message }) =>
    message.split(" ")[0]
  );

const PRINTING = `
  console.error("x");
  Deno.exit(1);
  Deno.stdout.write(bytes);
  const stream = Deno.stderr;
  stdin.pipeTo(Deno.stdout.writable);
`;

Deno.test("smolvm/output refuses printing and exiting in library code", () => {
  for (
    const file of ["src/host/a.ts", "src/machine/main.ts", "src/runner/main_loop.ts"]
  ) {
    assert.deepEqual(messages(file, PRINTING), [
      "console.error",
      "Deno.exit",
      "Deno.stdout",
      "Deno.stderr",
      "Deno.stdout",
    ], file);
  }
});

Deno.test("smolvm/output accepts the command line, the entries, scripts and tests", () => {
  for (
    const file of [
      "src/cli/run.ts",
      "src/cli/output/table.ts",
      "src/main.ts",
      "src/runner/entry.ts",
      "src/runner/main.ts",
      "src/network/main.ts",
      "src/oci/main.ts",
      "scripts/a.ts",
    ]
  ) {
    assert.deepEqual(messages(file, PRINTING), [], file);
  }
});

Deno.test("smolvm/output accepts isTerminal(), comments and other names", () => {
  const source = `
    // console.log() in a comment
    const text = "Deno.exit(1)";
    if (Deno.stdout.isTerminal()) Deno.exitCode = 2;
    host.console.log(other.Deno.exit, console[0]);
  `;
  assert.deepEqual(messages("src/host/a.ts", source), []);
});

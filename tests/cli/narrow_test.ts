// Output on a narrow terminal.
import assert from "node:assert/strict";
import { COMMANDS } from "../../src/cli/commands.ts";
import { makeCli } from "../helpers/cli.ts";
import { assertCode } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

/** The lines that each of these command lines prints on a terminal of this width. */
async function printed(env: Record<string, string>, columns: number, commandLines: string[]): Promise<string[][]> {
  const script = commandLines.map((line) => `NO_COLOR=1 "$SMOLVM" ${line}; echo "<end>"`).join("\n");
  await using terminal = onTerminal({ env, rootfs: "" }, `stty cols ${columns}; echo "<end>"\n${script}`);
  const { stdout } = await terminal.finish();
  return stdout.split("<end>\r\n").slice(1, -1).map((text) => text.split("\r\n").slice(0, -1));
}

Deno.test("smolvm's tables and help fit a terminal of any width, and hide no cell", async () => {
  using cli = makeCli();
  const folder = `${cli.folder}/a/folder/that/lies/deep`;
  Deno.mkdirSync(folder, { recursive: true });
  const options = ["-p", "8080:80", "-p", "8443:443", "-v", `${folder}:/srv:ro`, "-v", `${folder}:/data`];
  const command = ["sh", "-c", "while sleep 1000; do echo up; done"];
  for (const name of ["web", "db"]) {
    assertCode(await cli.run(["create", "--name", name, ...options, folder, ...command]), 0);
  }
  const env = {
    HOME: cli.folder,
    XDG_STATE_HOME: cli.state,
    XDG_RUNTIME_DIR: cli.runtime,
    SMOLVM_STORAGE: cli.storage,
  };
  const tables = ["ps", "ps -v", "images", "system df", "stats --no-stream"];
  const names = Object.values(COMMANDS).flatMap((group) => Object.keys(group)).map((names) => names.split(" ")[0]!);
  const helps = ["--help", "config set --help", "system df --help", ...names.map((name) => `${name} --help`)];
  for (const columns of [30, 40, 80, 120]) {
    const commandLines = [...tables, ...columns === 40 ? ["doctor", ...helps] : []];
    const outputs = await printed(env, columns, commandLines);
    assert.equal(outputs.length, commandLines.length);
    for (const [index, lines] of outputs.entries()) {
      assert.ok(lines.length > 0, commandLines[index]);
      for (const line of lines) {
        // A word of an example must not be broken, or the example would not work.
        const isWord = index > tables.length && !/\S \S/.test(line.trim().replace(/ \\$/, ""));
        assert.ok(line.length <= columns || isWord, `smolvm ${commandLines[index]} at ${columns}: ${line}`);
      }
    }
    const verbose = outputs[1]!.join("\n");
    for (const cell of ["web", "created", "8080->80/tcp", "512 MiB", "-"]) {
      assert.ok(columns === 120 || verbose.includes(cell), `${cell} at ${columns}: ${verbose}`);
    }
  }
});

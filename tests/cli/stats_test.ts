// Resource usage of machines, without a VM.
import assert from "node:assert/strict";
import { makeCli, SMOLVM } from "../helpers/cli.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

Deno.test("smolvm stats --no-stream prints a header, or an empty list, when nothing runs", async () => {
  using cli = makeCli();
  await Deno.mkdir(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "idle", "root"]), 0);
  const { code, stdout, stderr } = await cli.run(["stats", "--no-stream"]);
  const header = "NAME   CPU %   RESIDENT   MEMORY   DISK   NET   PIDS\n";
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: header, stderr: "" });
  assert.equal((await cli.run(["stats", "--no-stream", "--format", "json"])).stdout, "[]\n");
});

Deno.test("smolvm stats and top refuse machines that do not run", async () => {
  using cli = makeCli();
  await Deno.mkdir(`${cli.folder}/root`);
  assertCode(await cli.run(["create", "--name", "idle", "root"]), 0);
  for (const command of ["stats", "top"]) {
    for (
      const [name, message] of [["idle", 'Machine "idle" is not running: it is created'], ["none", "No such machine"]]
    ) {
      const { code, stdout, stderr } = await cli.run([command, name!]);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.ok(stderr.startsWith(`smolvm: ${message}`), stderr);
    }
  }
  assertCode(await cli.run(["top"]), 125);
});

Deno.test("smolvm stats continues until its reader is gone", async () => {
  const command = `${SMOLVM} stats --format json | { read -r first; read -r second; echo "$first $second"; }`;
  using cli = makeCli();
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state };
  const { stdout } = await runProcess("sh", { args: ["-c", command], env, timeoutMs: 20_000 });
  assert.equal(stdout, "[] []\n");
});

Deno.test("smolvm stats redraws its output on a terminal", async () => {
  using cli = makeCli();
  const env = { HOME: cli.folder, XDG_STATE_HOME: cli.state };
  await using terminal = onTerminal({ env, rootfs: "" }, '"$SMOLVM" stats');
  const [home, clearLine, clearBelow] = ["\\x1b\\[H", "\\x1b\\[K", "\\x1b\\[J"];
  const table = `${home}NAME  .*PIDS${clearLine}\\r\\n${clearBelow}`;
  await terminal.untilStdout(new RegExp(`\\x1b\\[2J${table}${table}`));
  await terminal.write("\x03");
});

// Prints logs of machines that do not run, or whose lock the test holds in place of a VM.
import assert from "node:assert/strict";
import { acquireLock } from "../../src/host/lock.ts";
import { CommandLog } from "../../src/runner/command_log.ts";
import { writeRecord } from "../../src/state/machine_record.ts";
import { CREATED, type MachineStatus, writeStatus } from "../../src/state/status.ts";
import { machineLock, vmFolder } from "../../src/state/machine_folders.ts";
import { type Cli, makeCli, SMOLVM } from "../helpers/cli.ts";
import { makeRecord } from "../helpers/machines.ts";
import { type Outcome, runProcess } from "../helpers/process.ts";
import { pause } from "../helpers/until.ts";

const SEE_HELP = "Run 'smolvm logs --help' for more.";
const STOPPED: MachineStatus = { ...CREATED, state: "stopped", exit: { code: 0 } };

/** Makes the machine "web" with these files; returns its folder. */
async function makeMachine(
  cli: Cli,
  files: Record<string, string> = {},
  { status = STOPPED, kind = "machines" } = {},
): Promise<string> {
  const record = makeRecord();
  const folder = `${cli.state}/smolvm/${kind}/${record.id}`;
  await Deno.mkdir(vmFolder(folder), { recursive: true });
  await writeRecord(folder, record);
  await writeStatus(folder, status);
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${vmFolder(folder)}/${name}`, text);
  return folder;
}

const hold = (folder: string) => acquireLock(machineLock(folder), { exclusive: true, wait: true });

const bytes = (text: string) => new TextEncoder().encode(text);

/** Records one minute apart, from noon on, such as `stdout F text`. */
function records(from: number, ...texts: string[]): string {
  return texts.map((text, index) => `${timeOf(from + index)} ${text}\n`).join("");
}

const timeOf = (minute: number) => `2026-11-23T12:${`${minute}`.padStart(2, "0")}:00.000Z`;

const LOGS = {
  "command.log.1": records(0, "stdout F one", "stderr F oh", "stdout P tw"),
  "command.log": records(3, "stdout F o", "stderr F no", "stdout P end"),
};

function assertPrinted({ code, stdout, stderr }: Outcome, expected: { stdout?: string; stderr?: string } = {}): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "", ...expected });
}

function assertFailed({ code, stdout, stderr }: Outcome, expected: number, ...lines: string[]): void {
  const said = `smolvm: ${lines.map((line) => `${line}\n`).join("")}`;
  assert.deepEqual({ code, stdout, stderr }, { code: expected, stdout: "", stderr: said });
}

Deno.test("smolvm logs prints the command's output on the same streams", async () => {
  using cli = makeCli();
  await makeMachine(cli, LOGS);
  assertPrinted(await cli.run(["logs", "web"]), { stdout: "one\ntwo\nend", stderr: "oh\nno\n" });
  assertPrinted(await cli.run(["logs", "-f", "0123"]), { stdout: "one\ntwo\nend", stderr: "oh\nno\n" });
});

Deno.test("smolvm logs reports that its output cannot be written", { ignore: Deno.build.os !== "linux" }, async () => {
  using cli = makeCli();
  await makeMachine(cli, LOGS);
  const { code, stderr } = await cli.shell('"$0" logs web >/dev/full 2>/dev/null; echo "code $?" >&2').outcome;
  assert.deepEqual([code, stderr], [0, "code 125\n"]);
});

Deno.test("smolvm logs prints nothing for a machine that was never started", async () => {
  using cli = makeCli();
  await makeMachine(cli, {}, { status: CREATED });
  for (const options of [[], ["-f"], ["--tail", "3"], ["--kernel"]]) {
    assertPrinted(await cli.run(["logs", ...options, "web"]));
  }
});

Deno.test("smolvm logs --tail prints the last lines", async () => {
  using cli = makeCli();
  await makeMachine(cli, LOGS);
  assertPrinted(await cli.run(["logs", "--tail", "3", "web"]), { stdout: "two\nend", stderr: "no\n" });
  assertPrinted(await cli.run(["logs", "-n", "1", "web"]), { stdout: "end" });
  assertPrinted(await cli.run(["logs", "-n0", "web"]));
  assertPrinted(await cli.run(["logs", "--tail", "all", "web"]), { stdout: "one\ntwo\nend", stderr: "oh\nno\n" });
});

Deno.test("smolvm logs --since and --until print the lines between two times, -t with their times", async () => {
  using cli = makeCli();
  await makeMachine(cli, LOGS);
  const since = ["logs", "--since", timeOf(3)];
  assertPrinted(await cli.run([...since, "web"]), { stdout: "o\nend", stderr: "no\n" });
  const seconds = `${Date.parse(timeOf(1)) / 1000}`;
  assertPrinted(await cli.run(["logs", "--until", seconds, "web"]), { stdout: "one\n", stderr: "oh\n" });
  assertPrinted(await cli.run([...since, "--until", "2026-11-23T12:04Z", "-t", "web"]), {
    stdout: `${timeOf(3)} o\n`,
    stderr: `${timeOf(4)} no\n`,
  });
  assertPrinted(await cli.run(["logs", "-t", "-n", "2", "web"]), {
    stdout: `${timeOf(5)} end`,
    stderr: `${timeOf(4)} no\n`,
  });
});

Deno.test("smolvm logs --since accepts a duration", async () => {
  using cli = makeCli();
  const ago = (minutes: number, text: string) =>
    `${new Date(Date.now() - minutes * 60_000).toISOString()} stdout F ${text}\n`;
  await makeMachine(cli, { "command.log": ago(120, "old") + ago(30, "new") });
  assertPrinted(await cli.run(["logs", "--since", "1h30m", "web"]), { stdout: "new\n" });
  assertPrinted(await cli.run(["logs", "--until", "1h", "web"]), { stdout: "old\n" });
});

Deno.test("smolvm logs -f prints every line once, across rotations and until the machine ends", async () => {
  using cli = makeCli();
  const folder = await makeMachine(cli, { "command.log": records(0, "stdout F before", "stdout F last") });
  const running = await hold(folder);
  await using logs = cli.start(["logs", "-f", "-n", "1", "web"]);
  await logs.untilStdout(/^last\n$/);
  {
    using log = new CommandLog(`${folder}/vm/command.log`, { maxBytes: 4096, maxFiles: 3 });
    for (let line = 1; line <= 400; line++) {
      log.write(line % 2 === 0 ? "stderr" : "stdout", bytes(`line ${line}\n`));
      // Less than a file holds: lines of a file that is removed before it is read are lost.
      if (line % 50 === 0) await logs.untilStderr(new RegExp(`line ${line}\n`));
    }
    log.write("stdout", bytes("end"));
  }
  assert.ok(Deno.statSync(`${folder}/vm/command.log.2`).size > 0, "it was rotated");
  running[Symbol.dispose]();
  const lines = (first: number) => Array.from({ length: 200 }, (_, index) => `line ${first + 2 * index}\n`).join("");
  assertPrinted(await logs.outcome, { stdout: `last\n${lines(1)}end`, stderr: lines(2) });
});

Deno.test("smolvm logs -f waits for the first output of a machine that starts", async () => {
  using cli = makeCli();
  const folder = await makeMachine(cli, {}, { status: { ...CREATED, state: "starting" } });
  const running = await hold(folder);
  await using logs = cli.start(["logs", "-f", "web"]);
  await pause(500);
  await Deno.writeTextFile(`${folder}/vm/command.log`, records(0, "stdout F up"));
  await logs.untilStdout(/^up\n$/);
  running[Symbol.dispose]();
  assertPrinted(await logs.outcome, { stdout: "up\n" });
});

Deno.test("smolvm logs -f ends at --until, and immediately on Ctrl-C", async () => {
  using cli = makeCli();
  using _ = await hold(await makeMachine(cli, LOGS));
  assertPrinted(await cli.run(["logs", "-f", "--until", timeOf(1), "web"]), { stdout: "one\n", stderr: "oh\n" });
  await using logs = cli.start(["logs", "-f", "web"]);
  await logs.untilStdout(/end$/);
  logs.kill("SIGINT");
  const { code, stdout, stderr } = await logs.outcome;
  assert.deepEqual({ code, stdout, stderr }, { code: 130, stdout: "one\ntwo\nend", stderr: "oh\nno\n" });
});

Deno.test("smolvm logs ends silently when its reader is gone", async () => {
  using cli = makeCli();
  using _ = await hold(await makeMachine(cli, { "command.log": records(0, "stdout F one").repeat(50_000) }));
  const { stdout, stderr } = await runProcess("sh", {
    args: ["-c", `{ '${SMOLVM}' logs -f web; echo $? >&2; } | head -n 1`],
    env: { HOME: cli.folder, XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime },
  });
  assert.deepEqual([stdout, stderr], ["one\n", "0\n"]);
});

Deno.test("smolvm logs --kernel prints the console and, on standard error, the log of the VM's process", async () => {
  using cli = makeCli();
  const files = { ...LOGS, "console.log": "[0.0] Linux\n[0.1] init\n", "runner.log": "5 ms warn\n9 ms error" };
  const folder = await makeMachine(cli, files);
  const all = { stdout: files["console.log"], stderr: files["runner.log"] };
  assertPrinted(await cli.run(["logs", "--kernel", "web"]), all);
  assertPrinted(await cli.run(["logs", "--kernel", "--tail", "1", "web"]), {
    stdout: "[0.1] init\n",
    stderr: "9 ms error",
  });
  const running = await hold(folder);
  await using logs = cli.start(["logs", "--kernel", "-f", "web"]);
  await logs.untilStderr(/error$/);
  await Deno.writeTextFile(`${folder}/vm/console.log`, "[0.2] panic\n", { append: true });
  await logs.untilStdout(/panic\n$/);
  running[Symbol.dispose]();
  assertPrinted(await logs.outcome, { ...all, stdout: `${all.stdout}[0.2] panic\n` });
});

Deno.test("smolvm logs reports that a machine of run has only kernel logs", async () => {
  using cli = makeCli();
  using _ = await hold(await makeMachine(cli, { "console.log": "Linux\n" }, { kind: "ephemeral" }));
  assertFailed(
    await cli.run(["logs", "web"]),
    1,
    'Machine "web" has no log: its output goes to the process that runs it',
  );
  assertPrinted(await cli.run(["logs", "--kernel", "web"]), { stdout: "Linux\n" });
});

Deno.test("smolvm logs refuses invalid options in one sentence", async () => {
  using cli = makeCli();
  await makeMachine(cli, LOGS);
  assertFailed(await cli.run(["logs", "wbe"]), 1, 'No such machine: "wbe"', 'Did you mean "web"?');
  for (const option of [["--timestamps"], ["--since", "1h"], ["--until", "1h"]]) {
    const message = `Cannot use ${option[0]} with --kernel: the lines of these logs have no times`;
    assertFailed(await cli.run(["logs", "--kernel", ...option, "web"]), 125, message);
  }
  for (const value of ["-1", "few", "1.5", ""]) {
    const message = `Option '-n, --tail <lines>' argument '${value}' is invalid. Expected a number of lines, or all.`;
    assertFailed(await cli.run(["logs", `--tail=${value}`, "web"]), 125, message, SEE_HELP);
  }
  const expected = "Expected a time such as 2026-11-23T12:00:00Z, seconds since 1970, or how long ago, such as 1h30m.";
  for (const option of ["since", "until"]) {
    const message = `Option '--${option} <time>' argument 'noon' is invalid. ${expected}`;
    assertFailed(await cli.run(["logs", `--${option}`, "noon", "web"]), 125, message, SEE_HELP);
  }
  assertFailed(await cli.run(["logs"]), 125, "Missing required argument 'name'", SEE_HELP);
});

Deno.test("smolvm logs --network prints refusals and why the network ended, and skips invalid events", async () => {
  using cli = makeCli();
  const folder = await makeMachine(cli);
  await writeRecord(folder, { ...makeRecord(), net: true });
  assertPrinted(await cli.run(["logs", "--network", "web"]));
  const refused = { protocol: "tcp", address: "192.0.2.1", port: 443, names: ["a.test"], rule: null, count: 2 };
  const denial = JSON.stringify({ time: timeOf(0), event: "denied", ...refused, reason: "no rule" });
  const end = JSON.stringify({ time: timeOf(1), event: "end", reason: "its gateway failed with status 1" });
  await Deno.writeTextFile(`${folder}/network.log.1`, `cut"}\n${denial}\n`);
  await Deno.writeTextFile(`${folder}/network.log`, `{"time":"${timeOf(1)}","event":"\x1b[2J"}\n${end}\n{"time`);
  const denied = "denied tcp 192.0.2.1:443 (a.test): no rule, 2 times\n";
  const ended = "the network ended: its gateway failed with status 1\n";
  assertPrinted(await cli.run(["logs", "--network", "-f", "web"]), { stdout: denied + ended });
  assertPrinted(await cli.run(["logs", "--network", "-t", "--until", timeOf(0), "web"]), {
    stdout: `${timeOf(0)} ${denied}`,
  });
  assertPrinted(await cli.run(["logs", "--network", "-n", "1", "web"]), { stdout: ended });
  const json = await cli.run(["logs", "--network", "--json", "web"]);
  assert.deepEqual(JSON.parse(json.stdout.split("\n")[0]!), JSON.parse(denial));
  // A different file at that path is not read.
  await Deno.remove(`${folder}/network.log`);
  await Deno.symlink("/etc/passwd", `${folder}/network.log`);
  assertFailed(await cli.run(["logs", "--network", "web"]), 1, `"${folder}/network.log" is not a regular file`);
  await Deno.remove(`${folder}/network.log`);
  const [machine] = JSON.parse((await cli.run(["inspect", "web"])).stdout);
  assert.deepEqual(machine.network, { counters: null, error: null, denials: [JSON.parse(denial)] });
  assert.equal(machine.logs.network, `${folder}/network.log`);
});

Deno.test("smolvm logs refuses --network for a machine without a network, and incompatible options", async () => {
  using cli = makeCli();
  await makeMachine(cli);
  const none = 'Machine "web" has no network log: it has no network';
  assertFailed(await cli.run(["logs", "--network", "web"]), 1, none);
  for (const options of [["--network", "--kernel"], ["--json"], ["--network", "--json", "-t"]]) {
    assert.match((await cli.run(["logs", ...options, "web"])).stderr, /^smolvm: Cannot use --/);
  }
});

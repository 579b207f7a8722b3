/** `logs` of stopped and running machines. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, state, smolvm } = suite;
const { create, start, stop, remove, listed, demand } = machineCommands(suite);

test("logs prints the command's stdout and stderr while the machine runs, after it, and after more runs", async () => {
  await create("talker", rootfs, "sh", "-c", "echo out; echo err >&2; printf 'no newline'; sleep 1000");
  assert.equal((await demand(["logs", "talker"])).stdout, "");
  const before = Date.now();
  const untilLogs = async (stdout: RegExp) => {
    await using logs = suite.start(["logs", "-f", "talker"]);
    await logs.untilStdout(stdout);
  };
  await start("talker");
  await untilLogs(/^out\nno newline$/);
  await stop("-t", "0", "talker");
  const { stdout, stderr } = await demand(["logs", "talker"]);
  assert.deepEqual({ stdout, stderr }, { stdout: "out\nno newline", stderr: "err\n" });
  const stamped = /^(\S+Z) err\n$/.exec((await demand(["logs", "-t", "talker"])).stderr);
  assert.ok(before <= Date.parse(stamped![1]!) && Date.parse(stamped![1]!) <= Date.now(), stamped![1]);

  const between = new Date().toISOString();
  await demand(["--log-level", "debug", "start", "talker"]);
  await untilLogs(/^out\nno newlineout\nno newline$/);
  await stop("-t", "0", "talker");
  assert.equal((await demand(["logs", "talker"])).stdout, "out\nno newlineout\nno newline");
  assert.equal((await demand(["logs", "--since", between, "talker"])).stdout, "out\nno newline");
  assert.equal((await demand(["logs", "--until", between, "talker"])).stdout, "out\nno newline");

  const { id } = await listed("talker");
  const kernel = await demand(["logs", "--kernel", "talker"]);
  assert.match(kernel.stderr, /starting the VM/);
  assert.equal(kernel.stdout, Deno.readTextFileSync(`${state}/smolvm/machines/${id}/vm/console.log`));
  await remove("talker");
});

test("logs -f prints each line of a starting machine once, across rotations, until the machine stops", async () => {
  await demand(["config", "set", "log_max_size", "1m"]);
  const volume = await suite.makeFolder("volume");
  const script = "echo begin; while [ ! -e /v/go ]; do sleep 0.1; done; seq 60000; echo end >&2; seq 3";
  await create("runner", "-v", `${volume}:/v`, rootfs, "sh", "-c", script);
  await using starting = suite.start(["start", "runner"]);
  await until(async () => (await listed("runner")).state === "starting");
  await using logs = suite.start(["logs", "-f", "runner"]);
  await logs.untilStdout(/^begin\n$/);
  assertCode(await starting.outcome, 0);
  const { id } = await listed("runner");
  await Deno.writeTextFile(`${volume}/go`, "");
  const outcome = await logs.outcome;
  assertCode(outcome, 0);
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("");
  assert.equal(outcome.stderr, "end\n");
  assert.ok(outcome.stdout === `begin\n${numbers(60_000)}${numbers(3)}`, `${outcome.stdout.length} characters`);
  const log = `${state}/smolvm/machines/${id}/vm/command.log`;
  assert.deepEqual([`${log}.2`, `${log}.3`].map(exists), [true, false]);
  assert.ok(Deno.statSync(`${log}.1`).size <= 2 ** 20);
  const { exitCode, state: ended } = await listed("runner");
  assert.deepEqual([exitCode, ended], [0, "stopped"]);
  // Lines keep their order only within a stream: "end" of stderr may come before or after the last two of stdout.
  const last = await smolvm(["logs", "--tail", "2", "runner"]);
  assert.match(last.stdout + last.stderr, /^(2\n3\n|3\nend\n)$/);
  await demand(["config", "set", "log_max_files", "1"]);
  await start("runner");
  assert.ok(!exists(`${log}.1`), "fewer files are kept from now on");
  await remove("runner");
});

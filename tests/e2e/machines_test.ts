/** The life of persistent machines, from create to delete. */
import assert from "node:assert/strict";
import { namesIn } from "../../src/state/machine_folders.ts";
import { readStatus } from "../../src/state/status.ts";
import { buildImage, makeImageStore } from "../fixtures/images.ts";
import { runnersOf } from "../helpers/inventory.ts";
import { logOf, machineCommands, untilLogged } from "../helpers/machine_commands.ts";
import { assertCode, Process, runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { copyState020 } from "../helpers/released_state.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs, state } = suite;
const { create, start, stop, remove, list, listed, demand } = machineCommands(suite);

/** Exits at SIGTERM, and prints that it does. */
const POLITE = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 1000 & wait $!; done";

test("a machine keeps its disk, its command and its options between starts", async () => {
  const volume = await suite.makeFolder("volume");
  await Deno.writeTextFile(`${volume}/greeting`, "from the host");
  // deno-fmt-ignore
  assert.equal((await demand(["create", "--name", "keeper", "-e", "A=b c", "-w", "/work", "-u", "app", "-v", `${volume}:/v:ro`, "--memory", "256",
    "--hostname", "guest", rootfs, "sh", "-c",
    'echo "$(cat /v/greeting), $A, $(pwd), $(id -un), $(hostname)"; date >> /tmp/starts; wc -l < /tmp/starts'])).stdout,
    "keeper\n");
  const { id, ...created } = await listed("keeper");
  assert.deepEqual([created.state, created.pid], ["created", null]);
  for (let time = 1; time <= 2; time++) {
    const { stdout, stderr } = await start("keeper");
    assert.deepEqual([stdout, stderr], ["keeper\n", ""]);
    await until(async () => (await listed("keeper")).state === "stopped");
    const { exitCode, pid, error } = await listed("keeper");
    assert.deepEqual({ exitCode, pid, error }, { exitCode: 0, pid: null, error: null });
    const lines = await logOf(state, id);
    assert.deepEqual(lines.slice(-2), ["from the host, b c, /work, app, guest", `${time}`]);
  }
  await remove("keeper");
});

test("start runs a machine in the background, stop sends its command SIGTERM, and list shows each state", async () => {
  await create("web", rootfs, "sh", "-c", POLITE);
  const started = await runProcess("script", { args: ["-qec", `'${SMOLVM}' start web`, "/dev/null"], env: suite.env });
  const { id, pid, state: running } = await listed("web");
  assert.equal(running, "running");
  assert.match(started.stdout, new RegExp(`^Started VM: web \\(PID: ${pid}\\)\r\nLogs: /.+/command\\.log\r\n$`));
  assert.deepEqual(runnersOf(suite), [pid]);
  const table = (await demand(["ls"])).stdout;
  assert.match(table, /^NAME +STATE +CPUS +MEMORY +PID +ROOTFS\nweb +running +1 +512 MiB +\d+ +\/.+\/rootfs\n$/);
  assert.match((await demand(["ps", "-v"])).stdout, /^web .* \d+ seconds? +- +- +yes +-\n$/m);

  assertFailed(await smolvm(["start", "web"]), /^smolvm: Machine "web" is running already\n$/);
  assertFailed(await smolvm(["create", "--name", "web", rootfs]), new RegExp(`machine ${id} has that name`), 125);
  assertFailed(await smolvm(["run", "--name", "web", rootfs]), new RegExp(`machine ${id} has that name`), 125);
  assert.equal((await demand(["stop", id.slice(0, 6)])).stdout, "web\n");
  const { state: stopped, exitCode, reason } = await listed("web");
  assert.deepEqual({ stopped, exitCode, reason }, { stopped: "stopped", exitCode: 3, reason: null });
  assert.deepEqual(await logOf(state, id), ["up", "bye"]);
  assert.equal((await demand(["stop", "web"])).stdout, "web\n", "a stopped machine");
  assert.deepEqual(runnersOf(suite), []);
  await remove("web");
});

test("create --disk sets the size of the disk, which later starts keep", async () => {
  for (const [size, mib] of [["300m", 300], ["40g", 40 * 1024]] as const) {
    await create("sized", "--disk", size, rootfs, "sh", "-c", "echo >> /starts; df -m / | tail -1; wc -l < /starts");
    for (let time = 1; time <= 2; time++) {
      const { stdout } = await smolvm(["start", "-a", "sized"]);
      const [, total, starts] = /^overlay +(\d+) .*\n(\d)\n$/.exec(stdout)!;
      assert.ok(Number(total) > 0.9 * mib && Number(total) <= mib, stdout);
      assert.equal(Number(starts), time);
    }
    await remove("sized");
  }
});

test("stop kills a command that does not end in time in the guest, and leaves a clean disk", async () => {
  await create("stubborn", rootfs, "sh", "-c", "trap '' TERM; echo kept > /file; echo up; while :; do sleep 1; done");
  await start("stubborn");
  const { id } = await listed("stubborn");
  await untilLogged(state, id, "up");
  await stop("--timeout", "1", "stubborn");
  const { exitCode, reason } = await listed("stubborn");
  assert.deepEqual({ exitCode, reason }, { exitCode: 137, reason: null });
  const disk = `${state}/smolvm/machines/${id}/vm/disk.img`;
  const { stdout } = await runProcess("/sbin/dumpe2fs", { args: ["-h", disk] });
  assert.match(stdout, /^Filesystem state: +clean$/m);
  assert.doesNotMatch(stdout, /needs_recovery/);
  assert.match((await runProcess("/sbin/debugfs", { args: ["-R", "cat /upper/file", disk] })).stdout, /^kept$/m);
  await remove("stubborn");
});

test("stop waits for a booting machine, and ends it before its command starts", async () => {
  await create("early", rootfs, "sh", "-c", "echo began");
  await using starting = suite.start(["start", "early"]);
  await until(async () => (await listed("early")).state === "starting");
  await stop("-t", "0", "early");
  assertFailed(await starting.outcome, /^smolvm: The machine was stopped before its command started\n$/);
  const { id, state: stopped, exitCode } = await listed("early");
  assert.deepEqual([stopped, exitCode, await logOf(state, id)], ["stopped", null, []]);
  await remove("early");
});

test("stop reports a guest that does not answer, and stop --force kills it", async () => {
  await create("hung", rootfs, "sleep", "1000");
  for (const force of [["--force"], ["--force", "--timeout", "1"]]) {
    await start("hung");
    const [pid] = runnersOf(suite);
    Deno.kill(pid!, "SIGSTOP");
    if (force.length === 1) {
      const begun = performance.now();
      assertFailed(
        await smolvm(["stop", "-t", "1", "hung"]),
        /^smolvm: Machine "hung" did not stop within 11 s\n.*smolvm stop --force hung\n$/,
      );
      assert.ok(performance.now() - begun >= 6000);
      assert.equal((await listed("hung")).state, "running");
    }
    await stop(...force, "hung");
    const { state: stopped, reason, pid: none } = await listed("hung");
    assert.deepEqual({ stopped, reason, none }, { stopped: "stopped", reason: "killed", none: null });
  }
  await remove("hung");
});

test("start --foreground and start -i pass on the command's streams and exit code as run does", async () => {
  await create("tool", rootfs, "sh", "-c", "cat; echo out; echo err >&2; exit 7");
  const { code, stdout, stderr } = await smolvm(["start", "--foreground", "-i", "tool"], { input: "in\n" });
  assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: "in\nout\n", stderr: "err\n" });
  const again = await smolvm(["start", "-a", "tool"]);
  assert.deepEqual([again.code, again.stdout, again.stderr], [7, "out\n", "err\n"]);
  const { id, exitCode } = await listed("tool");
  assert.equal(exitCode, 7);
  assert.deepEqual(await logOf(state, id), ["in", "out", "out"]);
  assert.deepEqual(await logOf(state, id, "stderr"), ["err", "err"]);
  assertFailed(await smolvm(["start", "-a", "tool", "tool"]), /^smolvm: Cannot attach to 2 machines at once/, 125);
  await remove("tool");
});

test("start --foreground runs the command on the terminal, and the machine outlives a killed client", async () => {
  await create("shell", rootfs, "sh");
  const script = `'${SMOLVM}' start --foreground shell`;
  const options = { args: ["-qec", script, "/dev/null"], env: suite.env };
  await using terminal = new Process("script", options);
  await terminal.write("tty; echo $TERM\n");
  await terminal.untilStdout(/\/dev\/pts\/0\r\nxterm\r\n/);
  const [client] = await clientsOf("shell");
  Deno.kill(client!, "SIGKILL");
  await terminal.outcome;
  assert.equal((await listed("shell")).state, "running");
  await stop("--timeout", "0", "shell");
  await remove("shell");
});

test("start reports why a machine cannot start, sets it to failed, and works once the cause is fixed", async () => {
  const volume = await suite.makeFolder("lent");
  await create("broken", "-v", `${volume}:/v`, rootfs, "/v/program");
  assertFailed(await smolvm(["start", "broken"]), /^smolvm: .*\/v\/program.*No such file/);
  const { state: failed, error } = await listed("broken");
  assert.equal(failed, "failed");
  assert.match(error!.message, /\/v\/program/);
  await Deno.writeTextFile(`${volume}/program`, "#!/bin/sh\necho mended\n", { mode: 0o755 });
  assert.equal((await smolvm(["start", "-a", "broken"])).stdout, "mended\n");
  await Deno.remove(volume, { recursive: true });
  assertFailed(await smolvm(["start", "broken"]), /^smolvm: Cannot mount volume ".+\/lent": No such file/);
  assert.equal((await listed("broken")).state, "stopped", "the state after its last run");
  await remove("broken");
});

test("start is aborted when it is interrupted, and the machine can be started again", async () => {
  await create("early", rootfs, "sleep", "1000");
  const { id } = await listed("early");
  await using starting = suite.start(["start", "early"]);
  await until(() => readStatus(`${state}/smolvm/machines/${id}`)?.state === "starting");
  starting.kill("SIGINT");
  const outcome = await starting.outcome;
  assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [130, "", "smolvm: Interrupted by SIGINT\n"]);
  const { state: ended, reason, pid } = await listed("early");
  assert.deepEqual([ended, reason, pid], ["stopped", "aborted", null]);
  assert.match((await demand(["list", "-v"])).stdout, /^early .* aborted$/m);
  await start("early");
  assert.equal((await listed("early")).reason, null);
  await remove("early");
});

test("start moves the files of a machine of smolvm 0.2.0 to their new places, and keeps its logs", async () => {
  const { web } = await copyState020(`${state}/smolvm`, rootfs);
  const command = "echo up; trap 'exit 0' TERM; while :; do sleep 0.2; done";
  const record = JSON.parse(await Deno.readTextFile(`${web}/machine.json`));
  record.command.argv = ["sh", "-c", command];
  await Deno.writeTextFile(`${web}/machine.json`, JSON.stringify(record));
  await start("web");
  assert.equal((await demand(["exec", "web", "echo", "again"])).stdout, "again\n");
  const { stdout, stderr } = await demand(["logs", "web"]);
  assert.deepEqual([stdout, stderr], ["up\nup\n", "oops\n"]);
  await stop("web");
  assert.equal((await listed("web")).state, "stopped");
  assert.deepEqual(namesIn(web).sort(), ["lock", "machine.json", "process.json", "vm"]);
  await remove("web");
  await remove("idle");
});

test("start, stop and delete take several machines, and continue when one of them fails", async () => {
  for (const name of ["one", "two"]) await create(name, rootfs, "sleep", "1000");
  const started = await smolvm(["start", "one", "none", "two"]);
  assertFailed(started, /^smolvm: No such machine: "none"\nDid you mean "one"\?\n$/);
  assert.equal(started.stdout, "one\ntwo\n");
  const refused = await runProcess("script", {
    args: ["-qec", `'${SMOLVM}' rm one`, "/dev/null"],
    env: suite.env,
    input: "y\n",
  });
  assert.match(refused.stdout, /Cannot delete machine "one": it is running/);
  assert.deepEqual((await list()).map(({ name, state }) => [name, state]), [["one", "running"], ["two", "running"]]);
  assert.equal((await demand(["stop", "-t", "0", "one", "two"])).stdout, "one\ntwo\n");
  await remove("one", "two");
});

test("list shows a machine of run until it stops, and start refuses it", async () => {
  await using running = suite.start(["run", "--name", "passing", rootfs, "sh", "-c", "echo up; sleep 1000"]);
  await running.untilStdout(/up/);
  assert.equal((await listed("passing")).state, "running");
  assert.match((await demand(["list", "--filter", "name=ssin"])).stdout, /\npassing +running/);
  assertFailed(await smolvm(["start", "passing"]), /running already/);
  await stop("-t", "0", "passing");
  assertCode(await running.outcome, 137);
  assert.deepEqual(await list(), []);
});

test("a machine of an image keeps the image's version, user, working directory and stop signal", async () => {
  await using builder = await makeImageStore();
  const folder = `${builder.folder}/image`;
  assertCode(await runProcess("cp", { args: ["-a", rootfs, folder] }), 0);
  const description = { rootfs: folder, user: "app", workdir: "/srv", stopSignal: "SIGUSR1", env: { A: "image" } };
  const cmd = ["sh", "-c", "trap 'echo usr1; exit 4' USR1; cat /says; id -un; pwd; echo $A; while :; do sleep 1; done"];
  const build = async (says: string) => {
    await Deno.writeTextFile(`${folder}/says`, `${says}\n`);
    const store = { buildah: (...args: string[]) => builder.buildah(...args) };
    await buildImage(store, { name: "localhost/app:1", ...description, cmd });
  };
  const env = { ...suite.env, SMOLVM_STORAGE: `${builder.folder}/storage` };
  const here = machineCommands({ smolvm: (args, options) => smolvm(args, { ...options, env }), env });
  await build("first");
  await here.create("app", "app:1");
  await build("second");
  await here.start("app");
  const { id } = await here.listed("app");
  await untilLogged(state, id, "image");
  await here.stop("app");
  const { exitCode } = await here.listed("app");
  assert.equal(exitCode, 4);
  assert.deepEqual(await logOf(state, id), ["first", "app", "/srv", "image", "usr1"]);
  assert.match((await here.demand(["list", "-v"])).stdout, / localhost\/app:1 +[0-9a-f]{12} +sha256:[0-9a-f]{12} /);
  await here.remove("app");
});

/** Returns the processes of `smolvm start --foreground NAME`. */
async function clientsOf(name: string): Promise<number[]> {
  const { stdout } = await runProcess("pgrep", { args: ["-f", `main.(js|ts) start --foreground ${name}$`] });
  return stdout.split("\n").filter((line) => line !== "").map(Number);
}

/** Checks that a command failed; the exit code for a machine that it could not handle is 1, as docker's. */
function assertFailed(outcome: Awaited<ReturnType<typeof smolvm>>, stderr: RegExp, code = 1): void {
  assertCode(outcome, code);
  assert.match(outcome.stderr, stderr);
}

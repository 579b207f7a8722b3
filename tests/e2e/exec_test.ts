/** exec, shell, attach, kill, wait and restart of a running machine. */
import assert from "node:assert/strict";
import { exitCode } from "../../src/machine/exit_code.ts";
import { openMachine } from "../../src/machine/find.ts";
import { NO_STREAMS } from "../../src/protocol/attachment.ts";
import { startExec, type StartExecOptions } from "../../src/requests/exec.ts";
import { setEnv } from "../helpers/env.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { runnerMib } from "../helpers/memory.ts";
import { assertCode, type Outcome } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs, env } = suite;
const { create, start, stop, remove, listed, demand, inGuest } = machineCommands(suite);

/** Runs a test with a running machine; `args` follow the name on the command line of `create`. */
async function withMachine(body: (name: string) => Promise<void>, args = [rootfs, "sleep", "100000"]): Promise<void> {
  await create("box", ...args);
  await start("box");
  await body("box");
  await remove("box");
}

const exec = (...args: string[]) => smolvm(["exec", ...args]);

function assertFailed({ code, stdout, stderr }: Outcome, message: RegExp, expected = 125): void {
  assert.deepEqual({ code, stdout }, { code: expected, stdout: "" });
  assert.match(stderr, message);
}

/** Runs a command through smolvm's client in this process, without starting the command line. */
async function execHere(options: StartExecOptions, io = NO_STREAMS): Promise<number> {
  using _ = setEnv(env);
  await using command = await startExec(openMachine("box"), options, io);
  return exitCode(await command.finish());
}

test("exec passes streams, exit code and environment as run does", () =>
  withMachine(async (name) => {
    const script = 'cat; echo err >&2; echo "$A $B $(pwd) $(id -un)"; exit 7';
    const outcome = await smolvm(["exec", "-i", "-e", "B=given", name, "sh", "-c", script], { input: "in\n" });
    assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [7, "in\nmade given /work app\n", "err\n"]);
    const other = await exec("-u", "nobody", "-w", "/tmp", "-e", "A=new", name, "sh", "-c", 'id -un; pwd; echo "$A"');
    assert.deepEqual([other.code, other.stdout, other.stderr], [0, "nobody\n/tmp\nnew\n", ""]);
    assertCode(await exec(name, "sh", "-c", "kill -9 $$"), 137);
    assertFailed(await exec(name, "nonsense"), /^smolvm: Cannot find "nonsense" in the guest/, 127);
    assertFailed(await exec(name, "/etc/passwd"), /^smolvm: Cannot execute "\/etc\/passwd"/, 126);
    assertFailed(await exec("-u", "ghost", name, "true"), /^smolvm: Cannot run as user "ghost"/);
    assert.equal((await listed(name)).state, "running");
    await stop("--timeout", "0", name);
    assertFailed(
      await exec(name, "true"),
      /^smolvm: Machine "box" is not running: it is stopped\nStart it: smolvm start/,
    );
  }, ["-u", "app", "-w", "/work", "-e", "A=made", "-e", "B=made", rootfs, "sleep", "100000"]));

test("exec works in a machine of run, and ends when the machine stops", async () => {
  await using machine = suite.start(["run", "-i", "--name", "short", rootfs, "cat"]);
  await machine.write("up\n");
  await machine.untilStdout(/up\n/);
  assert.equal((await exec("short", "hostname")).stdout, "short\n");
  await using other = suite.start(["exec", "short", "sh", "-c", "echo there; exec sleep 1000"]);
  await other.untilStdout(/there\n/);
  assertCode(await machine.finish(), 0);
  assertCode(await other.outcome, 137);
});

test("exec ends the command when its client dies, unless it is detached", () =>
  withMachine(async (name) => {
    const count = async (pattern: string) => (await inGuest(name, `ps -o args | grep -c '^${pattern}' || true`)).trim();
    assertCode(await exec("-d", name, "sh", "-c", "while :; do echo noise; done"), 0);
    assertCode(await exec("-d", name, "sleep", "2000"), 0);
    assertFailed(await exec("-d", name, "nonsense"), /^smolvm: Cannot find "nonsense"/, 127);
    await using client = suite.start(["exec", name, "sh", "-c", "echo there; sleep 3000"]);
    await client.untilStdout(/there\n/);
    assert.deepEqual([await count("sleep 2000"), await count("sleep 3000")], ["1", "1"]);
    client.kill("SIGKILL");
    await until(async () => await count("sleep 3000") === "0");
    assert.equal(await count("sleep 2000"), "1");
    await using polite = suite.start([
      "exec",
      name,
      "sh",
      "-c",
      "trap 'echo bye; exit 3' TERM; echo there; sleep 4000 & wait",
    ]);
    await polite.untilStdout(/there\n/);
    polite.kill("SIGTERM");
    const { code, stdout } = await polite.outcome;
    assert.deepEqual([code, stdout], [3, "there\nbye\n"]);
  }));

test("50 concurrent commands have separate streams, and 100 sequential ones leak nothing in the runner", () =>
  withMachine(async (name) => {
    const { pid } = await listed(name);
    const numbers = Array.from({ length: 50 }, (_, index) => `${index}`);
    const echoes = await Promise.all(numbers.map(async (number) => {
      let text = "";
      const stdout = (data: Uint8Array) => Promise.resolve(void (text += new TextDecoder().decode(data)));
      const input = (async function* () {
        yield await Promise.resolve(new TextEncoder().encode(number));
      })();
      const code = await execHere({ argv: ["sh", "-c", `cat; exit ${number}`], stdin: true }, {
        ...NO_STREAMS,
        stdin: input,
        stdout,
      });
      return [text, code];
    }));
    assert.deepEqual(echoes, numbers.map((number) => [number, Number(number)]));
    for (let count = 0; count < 30; count++) assert.equal(await execHere({ argv: ["true"] }), 0);
    const [files, memoryMib] = [ownFilesOf(pid!), runnerMib(pid!)];
    for (let count = 0; count < 100; count++) assert.equal(await execHere({ argv: ["true"] }), 0);
    // The runner closes a connection after its client does.
    await until(() => ownFilesOf(pid!) <= files, { everyMs: 100, timeoutMs: 10_000 });
    assert.ok(runnerMib(pid!) < memoryMib + 8, `${memoryMib} MiB became ${runnerMib(pid!)}`);
  }));

/** Counts a runner's open files, except those of virtiofs, which holds one for each file that the guest knows. */
function ownFilesOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].filter(({ name }) => {
    try {
      return !Deno.readLinkSync(`/proc/${pid}/fd/${name}`).startsWith("/");
    } catch {
      return false; // It was closed meanwhile.
    }
  }).length;
}

test("exec -it and shell use the terminal; shell runs a script from a pipe", () =>
  withMachine(async (name) => {
    {
      await using terminal = onTerminal(
        suite,
        `"$SMOLVM" exec -it ${name} sh -c 'tty; stty size; exec sh'; echo "code $?"`,
      );
      await terminal.untilStdout(/\/dev\/pts\/0\r\n31 97\r\n/);
      await terminal.write("echo $TERM; exit 4\n");
      await terminal.untilStdout(/xterm\r\n.*code 4\r\nrestored\r\n/s);
      assertCode(await terminal.finish(), 0);
    }
    await using terminal = onTerminal(suite, `"$SMOLVM" shell ${name}; echo "code $?"`);
    await terminal.write("echo shell is $0; exit 5\n");
    await terminal.untilStdout(/shell is ash\r\n.*code 5\r\nrestored\r\n/s);
    assertCode(await terminal.finish(), 0);
    const piped = await smolvm(["sh", "-u", "app", name], { input: "id -un; exit 6\n" });
    assert.deepEqual([piped.code, piped.stdout], [6, "app\n"]);
  }));

test("attach shares the command's streams, and the command outlives clients that are killed", () =>
  withMachine(async (name) => {
    await using first = suite.start(["attach", name]);
    await using second = suite.start(["attach", "--no-stdin", name]);
    // A client does not see output from before it attached: repeat the line until both have seen an answer.
    const seen = Promise.all([first.untilStdout(/one\n/), second.untilStdout(/one\n/)]);
    let answered = false;
    seen.then(() => answered = true);
    await until(async () => {
      await first.write("one\n");
      return answered;
    }, { everyMs: 200 });
    await second.end();
    first.kill("SIGKILL");
    await using third = suite.start(["attach", "--sig-proxy", "false", name]);
    third.kill("SIGTERM");
    assertCode(await third.outcome, 143);
    assert.equal((await listed(name)).state, "running");
    await using fourth = suite.start(["attach", name]);
    await fourth.write("bye\n");
    assertCode(await fourth.outcome, 9);
    assertCode(await second.outcome, 9);
  }, ["-i", rootfs, "sh", "-c", 'while read line; do echo "$line"; [ "$line" != bye ] || exit 9; done']));

test("attach on a terminal detaches at its keys, and the command keeps running", () =>
  withMachine(async (name) => {
    await using terminal = onTerminal(suite, `"$SMOLVM" attach ${name}; echo "code $?"`);
    await terminal.untilStdout(/\/dev\/pts/);
    await terminal.write("echo siz''e $(stty size)\n");
    await terminal.untilStdout(/size 31 97\r\n/);
    await terminal.write("\x10\x11");
    await terminal.untilStdout(/code 0\r\nrestored\r\n/);
    assertCode(await terminal.finish(), 0);
    assert.equal((await listed(name)).state, "running");
  }, ["-it", rootfs, "sh"]));

test("kill signals the command, wait prints its exit code, restart runs it again", () =>
  withMachine(async (name) => {
    const waiting = suite.start(["wait", name]);
    assert.equal((await demand(["kill", "-s", "USR1", name])).stdout, `${name}\n`);
    assert.equal((await waiting.outcome).stdout, "5\n");
    assert.equal((await demand(["wait", name])).stdout, "5\n", "the exit code of the last run");
    assertFailed(await smolvm(["kill", name]), /^smolvm: Machine "box" is not running: it is stopped\n/, 1);
    const before = await listed(name);
    assert.equal((await demand(["restart", name])).stdout, "box\n");
    const { pid: first } = await listed(name);
    await demand(["restart", "--timeout", "0", name]);
    const { pid: second, id } = await listed(name);
    assert.ok(first !== null && second !== null && first !== second);
    assert.equal(id, before.id);
    await demand(["kill", name]);
    const { state, exitCode, reason } = await listed(name);
    assert.deepEqual({ state, exitCode, reason }, { state: "stopped", exitCode: 137, reason: null });
  }, [rootfs, "sh", "-c", "trap 'exit 5' USR1; while :; do sleep 1000 & wait; done"]));

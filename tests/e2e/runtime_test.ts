/** The API of the runtime module. */
import assert from "node:assert/strict";
import { type ErrorCode, Machine, type MachineOptions, SmolvmError } from "../../src/mod.ts";
import { setEnv } from "../helpers/env.ts";
import { untilListening } from "../helpers/inventory.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, smolvm } = suite;
const environment = setEnv(suite.env);
Deno.test.afterAll(() => environment[Symbol.dispose]());

const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** Fails unless the promise is rejected with an error that has the code. */
async function rejectsWith(code: ErrorCode, promise: PromiseLike<unknown>): Promise<void> {
  await assert.rejects(async () => await promise, (error) => {
    assert.ok(error instanceof SmolvmError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** Boots a machine for exec(); it ends with the caller's scope. */
async function bootIdle(options: Partial<MachineOptions> = {}): Promise<Machine> {
  const machine = await Machine.create({ source: rootfs, ephemeral: true, ...options });
  await machine.start();
  return machine;
}

/** Returns the command lines of the processes in a machine. */
const commandsIn = async (machine: Machine) => (await machine.processes()).map(({ command }) => command);

test("Machine.run() returns a command's exit code and output", async () => {
  const script = 'read line; echo "$line $KEY $(pwd) $(id -un)"; echo careful >&2; exit 3';
  const result = await Machine.run(rootfs, script, {
    stdin: new TextEncoder().encode("from the host\n"),
    env: { KEY: "value" },
    workdir: "/work",
    user: "app",
  });
  assert.deepEqual(result, {
    code: 3,
    signal: null,
    oomKilled: false,
    stdout: "from the host value /work app\n",
    stderr: "careful\n",
  });
  const words = await Machine.run(rootfs, ["printf", "%s|", "two words", "$HOME", ""]);
  assert.equal(words.stdout, "two words|$HOME||");
  // PID 1 ignores its own SIGKILL. With init, the command is not PID 1, and init exits as the command does.
  const { code, signal, stdout } = await Machine.run(rootfs, "kill -9 $$; echo $$");
  assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: "1\n" });
  const below = await Machine.run(rootfs, "kill -9 $$", { init: true });
  assert.deepEqual([below.code, below.signal], [137, null]);
});

test("a persistent machine keeps its disk and its log between starts, until delete() removes it", async () => {
  const command = 'date >> /starts; wc -l < /starts; trap "exit 7" TERM; echo "up" >&2; sleep 1000 & wait';
  const { id } = await Machine.create({ source: rootfs, name: "web", command });
  for (const starts of [1, 2]) {
    await using machine = await Machine.get("web");
    assert.equal(machine.id, id);
    await machine.start();
    assert.deepEqual((await Machine.list()).map(({ id, state }) => [id, state]), [[id, "running"]]);
    const seen = { stdout: "", stderr: "" };
    for await (const { stream, data } of machine.logs({ follow: true })) {
      seen[stream] += text(data);
      if (seen.stderr === "up\n".repeat(starts) && seen.stdout.endsWith(`${starts}\n`)) break;
    }
    assert.equal(seen.stdout, ["1\n", "2\n"].slice(0, starts).join(""));
    const ended = machine.wait();
    await machine.stop();
    assert.equal(await ended, 7);
    const { state, exitCode, pid } = await machine.info();
    assert.deepEqual({ state, exitCode, pid }, { state: "stopped", exitCode: 7, pid: null });
  }
  const machine = await Machine.get(id);
  await machine.rename("www");
  assert.equal((await machine.info()).name, "www");
  await machine.delete();
  assert.deepEqual(await Machine.list(), []);
  await rejectsWith("no-machine", Machine.get("www"));
  await rejectsWith("no-machine", machine.info());
});

test("exec() yields output as it arrives, and passes on its stdin", async () => {
  await using machine = await bootIdle({ env: { KEY: "machine's" } });
  const script = 'echo "$KEY"; while read line; do echo "got $line" >&2; done; echo end';
  await using command = machine.exec(script, { stdin: "piped" });
  const stdin = command.stdin.getWriter();
  const seen: string[] = [];
  for await (const { stream, data } of command) {
    seen.push(`${stream} ${text(data)}`);
    // Write in answer to each output: exec() must not buffer until the command exits.
    if (seen.length < 3) await stdin.write(new TextEncoder().encode(`${seen.length}\n`));
    else if (seen.length === 3) await stdin.close();
  }
  assert.deepEqual(seen, ["stdout machine's\n", "stderr got 1\n", "stderr got 2\n", "stdout end\n"]);
  assert.deepEqual(await command.status, { code: 0, signal: null, oomKilled: false });
});

test("exec() ends the command by a signal, when its output loop is left, and when its scope is left", async () => {
  await using machine = await bootIdle();
  const command = machine.exec(["sleep", "1000"]);
  await command.started;
  assert.ok((await commandsIn(machine)).includes("sleep 1000"));
  command.kill("SIGTERM");
  assert.deepEqual(await command.status, { code: 143, signal: "SIGTERM", oomKilled: false });
  for await (const { data } of machine.exec("yes")) {
    assert.match(text(data), /^y\n/);
    break;
  }
  {
    await using left = machine.exec(["sleep", "2000"]);
    await left.started;
  }
  await until(async () => !(await commandsIn(machine)).some((command) => /yes|sleep/.test(command)));
});

test("exec() gives the command a terminal of the given size, and resize() changes it", async () => {
  await using machine = await bootIdle();
  const script = 'trap "stty size; exit" WINCH; stty size; while :; do sleep 0.1; done';
  const command = machine.exec(script, { terminal: { rows: 20, columns: 70 } });
  let seen = "";
  for await (const { stream, data } of command) {
    assert.equal(stream, "stdout");
    seen += text(data);
    if (seen === "20 70\r\n") command.resize({ rows: 10, columns: 40 });
  }
  assert.equal(seen, "20 70\r\n10 40\r\n");
});

test("stats() and processes() describe a running machine", async () => {
  await using machine = await bootIdle();
  const stats = await machine.stats();
  assert.equal(stats.id, machine.id);
  assert.equal(stats.pid, (await machine.info()).pid);
  const { stdout } = await machine.exec(["cat", "/proc/meminfo"]);
  assert.equal(stats.guestMemoryBytes, Number(/^MemTotal: +(\d+) kB$/m.exec(stdout)![1]) * 1024);
  assert.ok(stats.guestUsedBytes! > 0 && stats.guestUsedBytes! < stats.guestMemoryBytes!);
  const [first] = await machine.processes();
  assert.equal(first!.pid, 1);
});

test("an ephemeral machine ends with its scope, and is not listed before its start", async () => {
  {
    await using machine = await Machine.create({ source: rootfs, ephemeral: true });
    assert.deepEqual(await Machine.list(), []);
    assert.equal((await machine.info()).state, "created");
    await machine.start();
    assert.deepEqual((await Machine.list()).map(({ id }) => id), [machine.id]);
    assert.equal((await machine.info()).ephemeral, true);
    const { stdout } = await smolvm(["exec", machine.name, "echo", "seen by others"]);
    assert.equal(stdout, "seen by others\n");
  }
  assert.deepEqual(await Machine.list(), []);
});

test("aborting exec() ends the command in the guest, and the machine keeps running", async () => {
  await using machine = await bootIdle();
  const abort = new AbortController();
  const command = machine.exec("echo begun; exec sleep 1000", { signal: abort.signal });
  const reason = new Error("enough");
  await assert.rejects(async () => {
    for await (const _ of command) abort.abort(reason);
  }, reason);
  await until(async () => !(await commandsIn(machine)).includes("sleep 1000"));
  await assert.rejects(async () => await machine.exec("true", { signal: abort.signal }), reason);
  assert.equal((await machine.exec("echo on")).stdout, "on\n");
});

test("aborting run() ends its machine, while it boots and while its command runs", async () => {
  const reason = new Error("enough");
  for (const moment of ["boot", "command"]) {
    const abort = new AbortController();
    const command = Machine.run(rootfs, "echo begun; sleep 1000", { signal: abort.signal });
    await (moment === "boot" ? untilListening(suite) : command.started);
    abort.abort(reason);
    await assert.rejects(async () => await command, reason);
    assert.deepEqual(await Machine.list(), []);
  }
  const late = Machine.run(rootfs, ["sleep", "1000"], { signal: AbortSignal.timeout(1) });
  await assert.rejects(async () => await late, { name: "TimeoutError" });
});

test("aborting start() ends the VM, and the machine can be started again", async () => {
  const machine = await Machine.create({ source: rootfs, name: "slow" });
  const abort = new AbortController();
  const reason = new Error("enough");
  const started = machine.start({ signal: abort.signal });
  await untilListening(suite);
  abort.abort(reason);
  await assert.rejects(started, reason);
  await machine.start();
  assert.equal((await machine.exec("echo up")).stdout, "up\n");
  await machine.delete({ force: true });
});

test("aborting create() stops waiting for a registry", async () => {
  using registry = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reason = new Error("enough");
  const source = `127.0.0.1:${registry.addr.port}/image`;
  for (const ephemeral of [true, false]) {
    const abort = new AbortController();
    const created = Machine.create({ source, tlsVerify: false, ephemeral, signal: abort.signal });
    // buildah sends a request, and never gets an answer.
    using _question = await Promise.race([registry.accept(), created.then(() => assert.fail())]);
    abort.abort(reason);
    await assert.rejects(created, reason);
    await assert.rejects(Machine.create({ source: rootfs, ephemeral, signal: abort.signal }), reason);
  }
  assert.deepEqual(await Machine.list(), []);
});

test("the methods of Machine reject with an error code", async () => {
  const machine = await Machine.create({ source: rootfs, name: "web", command: ["sleep", "1000"] });
  await rejectsWith("no-machine", Machine.get("nobody"));
  await rejectsWith("usage", Machine.create({ source: rootfs, name: "no good" }));
  await rejectsWith("usage", Machine.create({ source: rootfs, name: "web" }));
  await rejectsWith("usage", Machine.create({ source: rootfs, dns: "9.9.9.9" }));
  await rejectsWith("source", Machine.create({ source: "/nowhere" }));
  await rejectsWith("image", Machine.create({ source: "localhost/nothing", pull: "never" }));
  await rejectsWith("volume", Machine.create({ source: rootfs, volumes: [{ source: "/nowhere", target: "/v" }] }));
  await rejectsWith("machine-state", machine.exec("true"));
  await rejectsWith("machine-state", machine.kill());
  await machine.start();
  await rejectsWith("machine-state", machine.start());
  await rejectsWith("machine-state", machine.delete());
  await rejectsWith("not-found", machine.exec(["/nothing"]));
  await rejectsWith("not-executable", machine.exec(["/etc/passwd"]));
  await rejectsWith("not-found", Machine.run(rootfs, ["/nothing"]));
  await rejectsWith("guest", machine.exec("yes", { outputLimitBytes: 1000 }));
  const orphan = machine.exec(["sleep", "1000"]);
  assert.throws(() => orphan.stdin, { code: "usage" });
  await orphan.started;
  await machine.delete({ force: true });
  await rejectsWith("guest", orphan);
});

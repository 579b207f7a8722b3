/** The jail of a VM's process, which confines a guest that attacks its host. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { type Action, LAST, survivable } from "../attack/actions.ts";
import { buildImage } from "../fixtures/images.ts";
import { type Answers, answersOf, attackProgram, buildAttacks, inject, makeOpenLib } from "../helpers/attacks.ts";
import { listOf, runnersOf } from "../helpers/inventory.ts";
import { allowedEphemeral, assertJailed } from "../helpers/jail_inspection.ts";
import { assertCode, type Outcome, Process, runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { treeOf } from "../helpers/tree.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const USER = "smolvm-jail";
const suite = vmSuite();
const { test } = suite;
/** The folder of the attacks, and a lib folder whose agent does not restrict root. */
const [attacks, openLib] = [`${suite.folder}/attacks`, `${suite.folder}/lib`];

/** A user who starts machines, and the user's files. */
interface Starter {
  home: string;
  state: string;
  runtime: string;
  storage: string;
  /** A root filesystem that belongs to the starter. */
  rootfs: string;
  /** The writable volume. */
  volume: string;
  process: { cwd: string; env: Record<string, string>; uid?: number; gid?: number };
}

/** How long all actions may take in an emulated machine. */
const ACTIONS_MS = 500_000;
/** How long a machine may run on after its guest attacked it, before the test stops it by force. */
const DEADLINE_MS = 5_000;
/** The ID of another machine of the starter. */
const OTHER = "0123456789ab";
const SECRET = "what only the starter knows";

async function makeStarter(name: string, uid?: number): Promise<Starter> {
  const folder = await suite.makeFolder(name);
  const [home, state, runtime, storage] = ["home", "state", "runtime", "storage"].map((below) => `${folder}/${below}`);
  const [rootfs, volume] = [`${folder}/rootfs`, `${folder}/volume`];
  for (const path of [home!, runtime!, volume, `${folder}/read-only`]) await Deno.mkdir(path);
  await Deno.mkdir(`${state}/smolvm/machines/${OTHER}`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${state}/smolvm/machines/${OTHER}/machine.json`, "{}");
  for (const path of ["secret", ".profile"]) await Deno.writeTextFile(`${home}/${path}`, SECRET);
  await Deno.writeTextFile(`${folder}/read-only/file`, "file");
  assertCode(await runProcess("cp", { args: ["-r", suite.rootfs, rootfs] }), 0);
  if (uid !== undefined) assertCode(await runProcess("chown", { args: ["-R", `${uid}:${uid}`, folder] }), 0);
  const folders = {
    HOME: home!,
    XDG_STATE_HOME: state!,
    XDG_RUNTIME_DIR: runtime!,
    SMOLVM_STORAGE: storage!,
    XDG_CONFIG_HOME: `${folder}/config`,
  };
  const env = { ...suite.env, ...folders, STARTERS_SECRET: SECRET };
  const ids = uid === undefined ? {} : { uid, gid: uid };
  return {
    home: home!,
    state: state!,
    runtime: runtime!,
    storage: storage!,
    rootfs,
    volume,
    process: { cwd: folder, env, ...ids },
  };
}

/** Returns all files of a starter that the starter's guests must not change. */
function untouchable({ home, state, rootfs, process: { cwd } }: Starter): Record<string, string> {
  return Object.assign({}, ...[home, `${state}/smolvm/machines`, rootfs, `${cwd}/read-only`].map(treeOf));
}

function smolvm(starter: Starter, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runProcess(SMOLVM, { ...starter.process, args, env: { ...starter.process.env, ...env } });
}

/** Returns the arguments to run a script in the machine "box". */
function runArgs(
  { volume, process: { cwd } }: Starter,
  source: string,
  script: string,
  ...options: string[]
): string[] {
  const volumes = [`${volume}:/v`, `${cwd}/read-only:/r:ro`, `${attacks}:/a:ro`].flatMap((volume) => ["-v", volume]);
  return ["run", "--name", "box", ...options, ...volumes, source, "sh", "-c", script];
}

/** Returns a script that attacks the host's files through the queues of the virtiofs device. */
function escape({ home, state }: Starter): string {
  const tries = [
    ...["read", "climb", "link"].map((how) => `${how}=${home}/secret`),
    ...["list=/", `list=${home}`, "read=/etc/hostname", "read=/proc/1/environ", "read=/proc/self/environ"],
    ...["read=/proc/self/maps", "read=/dev/mem", "list=/sys", `overwrite=${home}/secret`, `create=${home}/planted`],
    ...[`overwrite=${state}/smolvm/machines/${OTHER}/machine.json`, `create=${state}/smolvm/machines/planted`],
  ];
  return `exec /a/vfs_escape ${tries.join(" ")}`;
}

/** Runs an attacking guest until its machine ends. */
async function attack(starter: Starter, args: string[], more: Record<string, string> = {}): Promise<Answers> {
  const env = { ...starter.process.env, ...more };
  await using running = new Process(SMOLVM, { ...starter.process, args, env });
  return await answersAtEnd(starter, running);
}

/** Waits until a machine ends, and returns the results of its guest's attacks. */
async function answersAtEnd(starter: Starter, running: Process): Promise<Answers> {
  await Promise.race([running.untilStdout(/end of tries: ok\n/), running.outcome]);
  const { stdout } = await end(starter, running);
  return answersOf("escape", stdout);
}

/** Waits until "box" ends, and stops it by force after a while: a guest that has lost its devices may never end. */
async function end(starter: Starter, { outcome }: Process): Promise<Outcome> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), DEADLINE_MS);
  // Ignore a failure of `stop`: the machine may have ended meanwhile.
  if (await Promise.race([outcome, late.promise]) === undefined) await smolvm(starter, ["stop", "--force", "box"]);
  clearTimeout(timer);
  return await outcome;
}

/** Writes each action to its own script, so that an action that breaks its shell does not affect the others. */
async function writeActions(actions: Action[]): Promise<void> {
  await Deno.mkdir(`${attacks}/actions`);
  for (const [index, { script }] of actions.entries()) {
    await Deno.writeTextFile(`${attacks}/actions/${String(index).padStart(2, "0")}`, script);
  }
}

/** Makes an image that belongs to the starter; disposing it unmounts it. */
async function makeImage({ rootfs, storage, process }: Starter): Promise<AsyncDisposable & { name: string }> {
  const buildah = async (...args: string[]) => {
    const options = ["--root", `${storage}/root`, "--runroot", `${storage}/runroot`];
    const outcome = await runProcess("buildah", { ...process, args: [...options, ...args] });
    assertCode(outcome, 0);
    return outcome.stdout.trim();
  };
  await buildImage({ buildah }, { name: "localhost/app:latest", rootfs });
  return { name: "app", [Symbol.asyncDispose]: () => buildah("rm", "--all").then(() => {}) };
}

let user: number | undefined;

/** Makes an ordinary user who may use KVM, and returns the user's ID. */
async function makeUser(): Promise<number> {
  if (user !== undefined) return user;
  assertCode(await runProcess("useradd", { args: ["--no-create-home", USER] }), 0);
  await Deno.chmod(suite.folder, 0o711);
  await Deno.chmod("/dev/kvm", 0o666);
  return user = Number((await runProcess("id", { args: ["-u", USER] })).stdout);
}

/** Registers a test with an ordinary user. Users are made only in the emulated machine. */
function userTest(name: string, body: (uid: number) => Promise<void>): void {
  const isEmulated = exists("/run/kvm-machine");
  if (Deno.uid() === 0 && isEmulated) {
    return test(name, async () => body(await makeUser()));
  }
  console.log(`skipped: ${name}: it makes a user, which only the emulated machine is there for`);
  Deno.test.ignore(name, () => {});
}

Deno.test.beforeAll(async () => {
  await buildAttacks();
  await Deno.mkdir(attacks);
  for (const name of ["vfs_escape", "hostile"] as const) await Deno.copyFile(attackProgram(name), `${attacks}/${name}`);
  await makeOpenLib(openLib);
});

test("without the jail and the agent's restrictions, root in a guest reads and writes the host's files", async () => {
  const starter = await makeStarter("bare");
  const before = untouchable(starter);
  const args = runArgs(starter, starter.rootfs, escape(starter), "--insecure-no-jail");
  const answers = await attack(starter, args, { SMOLVM_LIB: openLib });
  const { home } = starter;
  for (const how of ["read", "climb", "link"]) assert.equal(answers.get(`${how} ${home}/secret`), `ok ${SECRET}`, how);
  for (const [attempt, answer] of answers) {
    if (/^(overwrite|create \/dev\/shm|list)/.test(attempt)) assert.match(answer, /^ok/, attempt);
  }
  const after = untouchable(starter);
  const changed = Object.keys(after).filter((path) => before[path] !== after[path] && Deno.statSync(path).isFile);
  const machines = `${starter.state}/smolvm/machines`;
  assert.deepEqual(
    changed.sort(),
    [`${home}/secret`, `${home}/planted`, `${machines}/${OTHER}/machine.json`, `${machines}/planted`].sort(),
  );
}, { settlesWithinMs: 2_000 });

test("the agent's restrictions alone keep root in a guest from the memory of the devices", async () => {
  const starter = await makeStarter("second");
  const answers = await attack(starter, runArgs(starter, starter.rootfs, escape(starter), "--insecure-no-jail"));
  assert.deepEqual([...answers], [["take device", "EPERM"]]);
});

/** Returns the mounts and files of the host that a jail may contain: only this machine's folders. */
function allowedFor({ home, state, runtime, volume }: Starter): Parameters<typeof assertJailed>[1] {
  const id = listOf(`${state}/smolvm/ephemeral`).find((name) => name !== ".lock");
  const { mounts, writable, files } = allowedEphemeral({ state, runtime }, id!);
  const shares = `${runtime}/smolvm/boot/s`;
  return {
    mounts: { ...mounts, [`${shares}/v0`]: "rw", [`${shares}/v1`]: "ro", [`${shares}/v2`]: "ro" },
    writable: [...writable, volume],
    files,
    forbidden: [`${home}/secret`],
    secret: SECRET,
  };
}

/** Checks the jail, without the agent's restrictions, from outside and by attacks from inside. */
async function assertHeld(starter: Starter, source: string): Promise<void> {
  const before = untouchable(starter);
  const args = runArgs(
    starter,
    source,
    // The last attack may end the VM's process, because it makes the process overwrite its own memory.
    `echo up; read go; ${escape(starter)} create=/planted wait map=-4096`,
    "--interactive",
    "--user",
    "root",
  );
  // smolvm inherits file descriptors that a careless starter leaves open.
  const careless = 'exec 8<home/secret 9>>home/secret; exec "$@"';
  const env = { ...starter.process.env, SMOLVM_LIB: openLib };
  await using running = new Process("sh", {
    ...starter.process,
    env,
    args: ["-c", careless, "sh", SMOLVM, ...args],
  });
  await running.untilStdout(/up\n/);
  const [pid] = runnersOf(suite);
  assertJailed(pid!, allowedFor(starter));
  await running.write("\n");
  await running.untilStdout(/create \/planted: .*\n/);
  await running.write("\n");
  const answers = await answersAtEnd(starter, running);
  assert.equal(answers.get("take device"), "ok");
  assert.match(answers.get("list /")!, /^ok( +(\.|\.\.|dev|proc))+$/);
  for (const [attempt, answer] of answers) {
    if (/^(take|list \/$|map|end)/.test(attempt)) continue;
    assert.match(answer, /^(ENOENT|EROFS|EACCES|ENOTDIR)$/, attempt);
  }
  assert.ok(answers.has("create /planted"), [...answers.keys()].join());
  assert.deepEqual(untouchable(starter), before);
}

test("the jail alone confines a guest that root runs from a folder", async () => {
  const starter = await makeStarter("root-folder");
  await assertHeld(starter, starter.rootfs);
});

test("the jail alone confines a guest that root runs from an image", async () => {
  const starter = await makeStarter("root-image");
  await using image = await makeImage(starter);
  await assertHeld(starter, image.name);
});

userTest("the jail alone confines a guest that an ordinary user runs from a folder", async (uid) => {
  const starter = await makeStarter("user-folder", uid);
  await assertHeld(starter, starter.rootfs);
});

userTest("the jail alone confines a guest that an ordinary user runs from an image", async (uid) => {
  const starter = await makeStarter("user-image", uid);
  await using image = await makeImage(starter);
  await assertHeld(starter, image.name);
});

/** Yields the files of a volume that could harm the host: setuid files (setgid ones are allowed) and devices. */
function* harmfulIn(folder: string): Generator<string> {
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    const { isDirectory, isFile, isBlockDevice, isCharDevice, mode } = Deno.lstatSync(path);
    if ((isFile && (mode! & 0o4000) !== 0) || isBlockDevice || isCharDevice) yield path;
    if (isDirectory) yield* harmfulIn(path);
  }
}

test("no action of root in a guest has an effect outside its machine", async () => {
  const starter = await makeStarter("hostile");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  const counting = (async () => {
    for await (const _ of listener) connections++;
  })();
  const actions = survivable(listener.addr.port);
  await writeActions(actions);
  const before = untouchable(starter);
  const script =
    `for f in /a/actions/*; do echo "### $(basename $f) after $(cut -d. -f1 /proc/uptime) s"; timeout 60 sh $f 2>&1 </dev/null | head -c 3000; echo; done
    echo all done; exec sleep 1000`;
  const args = runArgs(starter, starter.rootfs, script, "--memory", "160", "--disk", "128m", "--cpus", "2");
  await using running = new Process(SMOLVM, { ...starter.process, args, timeoutMs: ACTIONS_MS });
  const [stdout] = await running.untilStdout(/[\s\S]*all done\n/);
  const sections = stdout.split(/^### .*\n/m).slice(1);
  const results = actions.map(({ name, prints }, index) => ({ name, prints, printed: sections[index] ?? "" }));
  assert.deepEqual(results.filter(({ prints, printed }) => !prints.test(printed)), []);
  // The machine keeps running, and other commands can use it.
  assertCode(await smolvm(starter, ["exec", "box", "sh", "-c", "exit 3"]), 3);
  assertCode(await smolvm(starter, ["list", "--json"]), 0);
  assert.equal(connections, 0);
  assert.deepEqual([...harmfulIn(starter.volume)], []);
  assert.deepEqual(untouchable(starter), before);
  const id = listOf(`${starter.state}/smolvm/ephemeral`).find((name) => name !== ".lock");
  const vm = `${starter.state}/smolvm/ephemeral/${id}/vm`;
  const sizes = Object.fromEntries(
    listOf(vm).map((name) => [name, (Deno.statSync(`${vm}/${name}`).blocks ?? 0) * 512]),
  );
  assert.ok(sizes["disk.img"]! <= 130 * 2 ** 20, JSON.stringify(sizes));
  const [pid] = runnersOf(suite);
  // The runner stops listening once the agent has connected. The flag 00010000 in column 4 marks a listening socket.
  const sockets = Deno.readTextFileSync(`/proc/${pid}/net/unix`).split("\n");
  assert.deepEqual(sockets.filter((line) => / 00010000 .*agent\.sock$/.test(line)), []);
  // What a guest that took over the VM's process could do, and what happens to the machine then.
  const names = [
    "getpid",
    "open the file",
    "open /etc/passwd",
    "socket inet datagram",
    "kill init",
    "planted above",
    "execve",
  ];
  const injected = await inject(pid!, { file: `${starter.home}/secret`, folder: vm, names });
  assert.deepEqual([...injected].map(([name, answer]) => `${name}: ${answer.replace(/\d+/, "")}`), [
    "getpid: ALLOWED ",
    "open the file: ENOENT",
    "open /etc/passwd: ENOENT",
    "planted above: EROFS",
    "socket inet datagram: EPERM",
    "kill init: EPERM",
    "execve: KILLED ",
  ]);
  assertCode(await running.outcome, 125);
  listener.close();
  await counting;
}, { settlesWithinMs: 5_000 });

test("a machine whose guest breaks it can be ended, and leaves the host's files unchanged", async () => {
  const starter = await makeStarter("last");
  const before = untouchable(starter);
  for (const { name, script, isOpen } of LAST) {
    const env = { ...starter.process.env, ...isOpen ? { SMOLVM_LIB: openLib } : {} };
    // A small memory fills quickly.
    const args = runArgs(starter, starter.rootfs, `echo up; ${script}`, "--memory", "128");
    await using running = new Process(SMOLVM, { ...starter.process, args, env });
    await running.untilStdout(/up\n/);
    await end(starter, running);
    assert.deepEqual(untouchable(starter), before, name);
  }
}, { settlesWithinMs: 2_000 });

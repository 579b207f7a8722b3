/** What holds a guest that attacks its host, and the host's side of it. */
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
/** The folder of the attacks, and that of an agent which keeps root from nothing. */
const [attacks, openLib] = [`${suite.folder}/attacks`, `${suite.folder}/lib`];

/** Somebody who starts machines, and what they have. */
interface Starter {
  home: string;
  state: string;
  runtime: string;
  storage: string;
  /** A root filesystem of theirs. */
  rootfs: string;
  /** The writable volume. */
  volume: string;
  process: { cwd: string; env: Record<string, string>; uid?: number; gid?: number };
}

/** How long all actions may take in an emulated machine. */
const ACTIONS_MS = 500_000;
/** When a machine is stopped that was attacked by its own guest. */
const DEADLINE_MS = 5_000;
/** Another machine of the starter's. */
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

/** Everything of a starter's that no guest of theirs may change. */
function untouchable({ home, state, rootfs, process: { cwd } }: Starter): Record<string, string> {
  return Object.assign({}, ...[home, `${state}/smolvm/machines`, rootfs, `${cwd}/read-only`].map(treeOf));
}

function smolvm(starter: Starter, args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runProcess(SMOLVM, { ...starter.process, args, env: { ...starter.process.env, ...env } });
}

/** The arguments that have a machine of a name run a script. */
function runArgs(
  { volume, process: { cwd } }: Starter,
  source: string,
  script: string,
  ...options: string[]
): string[] {
  const volumes = [`${volume}:/v`, `${cwd}/read-only:/r:ro`, `${attacks}:/a:ro`].flatMap((volume) => ["-v", volume]);
  return ["run", "--name", "box", ...options, ...volumes, source, "sh", "-c", script];
}

/** What the guest tries to get at, by the share's queues. */
function escape({ home, state }: Starter): string {
  const tries = [
    ...["read", "climb", "link"].map((how) => `${how}=${home}/secret`),
    ...["list=/", `list=${home}`, "read=/etc/hostname", "read=/proc/1/environ", "read=/proc/self/environ"],
    ...["read=/proc/self/maps", "read=/dev/mem", "list=/sys", `overwrite=${home}/secret`, `create=${home}/planted`],
    ...[`overwrite=${state}/smolvm/machines/${OTHER}/machine.json`, `create=${state}/smolvm/machines/planted`],
  ];
  return `exec /a/vfs_escape ${tries.join(" ")}`;
}

/** Runs a guest that attacks to the end of its machine. */
async function attack(starter: Starter, args: string[], more: Record<string, string> = {}): Promise<Answers> {
  const env = { ...starter.process.env, ...more };
  await using running = new Process(SMOLVM, { ...starter.process, args, env });
  return await answersAtEnd(starter, running);
}

/** What came of a guest's tries, once its machine has ended. */
async function answersAtEnd(starter: Starter, running: Process): Promise<Answers> {
  await Promise.race([running.untilStdout(/end of tries: ok\n/), running.outcome]);
  const { stdout } = await end(starter, running);
  return answersOf("escape", stdout);
}

/** The end of the machine of a name, by force if it does not come: a guest that has lost its devices may never end. */
async function end(starter: Starter, { outcome }: Process): Promise<Outcome> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), DEADLINE_MS);
  // One that ends by itself meanwhile is no machine any more.
  if (await Promise.race([outcome, late.promise]) === undefined) await smolvm(starter, ["stop", "--force", "box"]);
  clearTimeout(timer);
  return await outcome;
}

/** Scripts of their own: what one of them breaks is not the others'. */
async function writeActions(actions: Action[]): Promise<void> {
  await Deno.mkdir(`${attacks}/actions`);
  for (const [index, { script }] of actions.entries()) {
    await Deno.writeTextFile(`${attacks}/actions/${String(index).padStart(2, "0")}`, script);
  }
}

/** Makes an image of the starter's, which nothing of is mounted any more when it is disposed of. */
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

/** Makes an ordinary user, who may use KVM; the id. */
async function makeUser(): Promise<number> {
  if (user !== undefined) return user;
  assertCode(await runProcess("useradd", { args: ["--no-create-home", USER] }), 0);
  await Deno.chmod(suite.folder, 0o711);
  await Deno.chmod("/dev/kvm", 0o666);
  return user = Number((await runProcess("id", { args: ["-u", USER] })).stdout);
}

/** A test with an ordinary user, whom only the emulated machine is there to make. */
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

test("without any wall, root in a guest reads and writes the host's files: what follows can fail", async () => {
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

test("the second wall alone keeps root in a guest off the memory that the devices are in", async () => {
  const starter = await makeStarter("second");
  const answers = await attack(starter, runArgs(starter, starter.rootfs, escape(starter), "--insecure-no-jail"));
  assert.deepEqual([...answers], [["take device", "EPERM"]]);
});

/** What a jail has of the host's: nothing but the folders of this machine. */
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

/** The jail alone, seen from outside and attacked from inside. */
async function assertHeld(starter: Starter, source: string): Promise<void> {
  const before = untouchable(starter);
  const args = runArgs(
    starter,
    source,
    // The last may end the VM's process, which writes over memory of its own.
    `echo up; read go; ${escape(starter)} create=/planted wait map=-4096`,
    "--interactive",
    "--user",
    "root",
  );
  // What a careless starter leaves open is inherited.
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

test("the jail alone holds for root with a folder", async () => {
  const starter = await makeStarter("root-folder");
  await assertHeld(starter, starter.rootfs);
});

test("the jail alone holds for root with an image", async () => {
  const starter = await makeStarter("root-image");
  await using image = await makeImage(starter);
  await assertHeld(starter, image.name);
});

userTest("the jail alone holds for an ordinary user with a folder", async (uid) => {
  const starter = await makeStarter("user-folder", uid);
  await assertHeld(starter, starter.rootfs);
});

userTest("the jail alone holds for an ordinary user with an image", async (uid) => {
  const starter = await makeStarter("user-image", uid);
  await using image = await makeImage(starter);
  await assertHeld(starter, image.name);
});

/** Every file that a volume must not have for the host: with rights of its owner's (its group's may be), or a device. */
function* harmfulIn(folder: string): Generator<string> {
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    const { isDirectory, isFile, isBlockDevice, isCharDevice, mode } = Deno.lstatSync(path);
    if ((isFile && (mode! & 0o4000) !== 0) || isBlockDevice || isCharDevice) yield path;
    if (isDirectory) yield* harmfulIn(path);
  }
}

test("no action of root in a guest is more than one within its machine", async () => {
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
  // It goes on, and others see what it is.
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
  // Nobody awaits an agent once there is one: column 4 has the flag of a socket that listens.
  const sockets = Deno.readTextFileSync(`/proc/${pid}/net/unix`).split("\n");
  assert.deepEqual(sockets.filter((line) => / 00010000 .*agent\.sock$/.test(line)), []);
  // What it could do that took the process over, and what becomes of the machine then.
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

test("a machine that does nothing any more comes to its end, and nothing of the host has changed", async () => {
  const starter = await makeStarter("last");
  const before = untouchable(starter);
  for (const { name, script, isOpen } of LAST) {
    const env = { ...starter.process.env, ...isOpen ? { SMOLVM_LIB: openLib } : {} };
    // Little memory is full soon.
    const args = runArgs(starter, starter.rootfs, `echo up; ${script}`, "--memory", "128");
    await using running = new Process(SMOLVM, { ...starter.process, args, env });
    await running.untilStdout(/up\n/);
    await end(starter, running);
    assert.deepEqual(untouchable(starter), before, name);
  }
}, { settlesWithinMs: 2_000 });

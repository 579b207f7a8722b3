/** Machines whose processes are killed: nothing is lost, nothing is left, and they start again. */
import assert from "node:assert/strict";
import { buildImage, makeImageStore } from "../fixtures/images.ts";
import { Random } from "../fuzz/random.ts";
import { runnersOf, untilNoVm } from "../helpers/inventory.ts";
import { logOf, machineCommands } from "../helpers/machine_commands.ts";
import { runProcess } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, state, runtime } = suite;
const { create, start, stop, remove, list, listed, demand } = machineCommands(suite);

/** How long `list` may be wrong. */
const LIMIT_MS = 2000;
const ROUNDS = 20;

/** Counts on its disk, and says each number once it is synced. */
const COUNTER = `n=$(cat /count 2>/dev/null || echo 0); echo "from $n"
  while :; do n=$((n + 1)); echo $n > /count.new; sync; mv /count.new /count; sync; echo $n; sleep 0.1; done`;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What tests kill: the VM's process, the command line that starts or stops it, or both. */
const VICTIMS = ["runner", "cli", "both"] as const;

test(`killing processes at ${ROUNDS} random moments of start, run and stop loses nothing`, async () => {
  const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? Date.now() % 2 ** 31);
  console.log(`SMOLVM_TEST_SEED=${seed}`);
  const numbers = new Random(seed);
  const random = () => numbers.u32() / 2 ** 32;
  await create("victim", "--memory", "128", rootfs, "sh", "-c", COUNTER);
  const { id } = await listed("victim");
  const begun = performance.now();
  await start("victim");
  const startMs = performance.now() - begun;
  for (let round = 0; round < ROUNDS; round++) {
    const phase = (["start", "run", "stop"] as const)[round % 3]!;
    const victim = VICTIMS[Math.floor(random() * VICTIMS.length)]!;
    const moment = random() * (phase === "start" ? startMs : phase === "stop" ? startMs / 3 : 300);
    const what = `round ${round}: ${victim} killed ${moment.toFixed(0)} ms into ${phase}`;
    try {
      await ensure(phase === "start" ? "stopped" : "running");
      await killAt({ phase, victim, moment });
      await untilListIsRight();
      await ensure("running");
      await assertNothingLost(id);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }
  await stop("-t", "0", "victim");
  assert.equal(await exists(`${runtime}/smolvm/${id}`), false, "the folder of its sockets");
  await remove("victim");
});

/** Starts or stops the machine if it is not that already; the command has begun then. */
async function ensure(wanted: "running" | "stopped"): Promise<void> {
  const { state: found } = await listed("victim");
  if (wanted === "stopped") return void (found === "stopped" || await stop("-t", "0", "victim"));
  // What was killed may be on its way still: whoever wants to go on ends it first.
  if (found === "starting" || found === "stopping") await stop("-t", "0", "victim");
  if (found !== "running") await start("victim");
  while (!(await lastRun((await listed("victim")).id)).some((line) => /^\d/.test(line))) await pause(50);
}

async function killAt(
  { phase, victim, moment }: { phase: "start" | "run" | "stop"; victim: typeof VICTIMS[number]; moment: number },
): Promise<void> {
  const args = phase === "start" ? ["start", "victim"] : phase === "stop" ? ["stop", "victim"] : undefined;
  await using cli = args && suite.start(args);
  await pause(moment);
  if (victim !== "runner") cli?.kill("SIGKILL");
  if (victim !== "cli") (await untilRunner(cli?.outcome)).forEach(kill);
  // One that is left does what it can without the other.
  if (victim === "runner") await cli?.outcome;
}

/** The runner, as soon as there is one; none when the command line has ended, and so has it. */
async function untilRunner(ended: Promise<unknown> | undefined): Promise<number[]> {
  let over = false;
  ended?.then(() => over = true);
  while (!over && runnersOf(suite).length === 0) await pause(5);
  return runnersOf(suite);
}

/** A machine is live if and only if its VM is. */
async function untilListIsRight(): Promise<void> {
  const begun = performance.now();
  while (true) {
    const asked = performance.now();
    const { state: found, pid } = await listed("victim");
    const live = ["starting", "running", "stopping"].includes(found);
    const runners = runnersOf(suite);
    if (live ? runners.includes(pid!) : runners.length === 0) return;
    assert.ok(asked - begun < LIMIT_MS, `${found} with the process ${pid}, but there are the runners [${runners}]`);
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The lines of the command's last run. */
async function lastRun(id: string): Promise<string[]> {
  const lines = await logOf(state, id);
  return lines.slice(lines.findLastIndex((line) => line.startsWith("from ")));
}

/** Each run found on its disk what the runs before it had synced. */
async function assertNothingLost(id: string): Promise<void> {
  let synced = 0;
  for (const line of await logOf(state, id)) {
    const [, from, number] = /^(?:from (\d+)|(\d+))$/.exec(line)!;
    assert.ok(from === undefined || Number(from) >= synced, `${synced} was synced, ${from} was on the disk`);
    synced = Math.max(synced, Number(number ?? 0));
  }
}

test("after a reboot of the host every machine is stopped, and starts again", async () => {
  await using builder = await makeImageStore();
  await buildImage(builder, { name: "localhost/app:1", rootfs });
  const storage = `${builder.folder}/storage`;
  const here = machineCommands({
    smolvm: (args, options) => suite.smolvm(args, { ...options, env: { SMOLVM_STORAGE: storage } }),
  });
  const command = ["sh", "-c", "cat /file; echo kept > /file; sync; echo written; sleep 1000"];
  await here.create("image", "localhost/app:1", ...command);
  await here.create("folder", rootfs, ...command);
  for (const name of ["image", "folder"]) {
    await here.start(name);
    const { id } = await here.listed(name);
    while (!(await logOf(state, id)).includes("written")) await pause(50);
  }

  runnersOf(suite).forEach(kill);
  await untilNoVm(suite, LIMIT_MS);
  const mounts = await runProcess("sh", { args: ["-c", `grep -o ' ${storage}/[^ ]*' /proc/self/mountinfo | sort -r`] });
  for (const path of mounts.stdout.split("\n").filter((line) => line !== "")) {
    await runProcess("umount", { args: [path.trim()] });
  }
  await Deno.remove(`${storage}/runroot`, { recursive: true });
  await Deno.remove(`${runtime}/smolvm`, { recursive: true });

  for (const { state: found, pid, reason } of await here.list()) {
    assert.deepEqual({ found, pid, reason }, { found: "stopped", pid: null, reason: "lost" });
  }
  for (const name of ["image", "folder"]) {
    await here.start(name);
    const { id } = await here.listed(name);
    while ((await logOf(state, id)).filter((line) => line === "written").length < 2) await pause(50);
    assert.ok((await logOf(state, id)).includes("kept"), `${name} lost its file`);
    await here.stop("-t", "0", name);
    await here.remove(name);
  }
});

test("twenty processes at once lose no machine, start none twice and read nothing torn", async () => {
  const patient = { timeoutMs: 240_000 };
  const all = (commands: string[][]) => Promise.all(commands.map((args) => suite.smolvm(args, patient)));
  const names = Array.from({ length: 10 }, (_, index) => `m${index}`);
  const create = (name: string) => ["create", "--memory", "128", "--name", name, rootfs, "sleep", "1000"];

  const created = await all([...names, ...names].map(create));
  for (const [index, name] of names.entries()) {
    const both = [created[index]!, created[index + names.length]!].sort((a, b) => a.code - b.code);
    assert.deepEqual(both.map(({ code }) => code), [0, 125], name);
    assert.match(both[1]!.stderr, new RegExp(`"${name}": machine [0-9a-f]{12} has that name`));
  }
  assert.deepEqual((await list()).map(({ name }) => name).sort(), names);

  const [started, deleted] = [names.slice(0, 3), names.slice(6)];
  const outcomes = await all([
    ...[...started, ...started].map((name) => ["start", name]),
    ...[...deleted, ...deleted].map((name) => ["delete", "--force", name]),
    ...Array.from({ length: 6 }, () => ["list", "--json"]),
  ]);
  const starts = outcomes.slice(0, 6);
  for (const [index, name] of started.entries()) {
    const both = [starts[index]!, starts[index + 3]!].sort((a, b) => a.code - b.code);
    assert.deepEqual(both.map(({ code }) => code), [0, 1], `${name}: ${both[0]!.stderr}`);
    assert.equal(both[1]!.stderr, `smolvm: Machine "${name}" is running already\n`);
  }
  for (const [index, name] of deleted.entries()) {
    const both = [outcomes[6 + index]!, outcomes[6 + deleted.length + index]!].sort((a, b) => a.code - b.code);
    assert.deepEqual(both.map(({ code }) => code), [0, 1], name);
    assert.match(both[1]!.stderr, /^smolvm: (No such machine|The machine is gone)/);
  }
  for (const { code, stdout, stderr } of outcomes.slice(-6)) {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const machines = JSON.parse(stdout) as { name: string; state: string }[];
    assert.ok(names.slice(0, 6).every((name) => machines.some((machine) => machine.name === name)));
    assert.ok(machines.every(({ state }) => state !== "unreadable"), stdout);
  }
  const left = await list();
  assert.deepEqual(left.map(({ name }) => name).sort(), names.slice(0, 6));
  assert.deepEqual(left.filter(({ state }) => state === "running").map(({ name }) => name).sort(), started);
  assert.equal(runnersOf(suite).length, started.length);
  await stop("-t", "0", ...started);
  await remove(...names.slice(0, 6));
});

test("a full disk fails a start clearly and leaves the machine as it was", async () => {
  const script = `
    mount -t tmpfs -o size=3m tmpfs "$XDG_STATE_HOME"
    smolvm() { '${decodeURIComponent(new URL("../../smolvm", import.meta.url).pathname)}' "$@"; }
    smolvm create --name full --memory 128 "$0" sh -c 'echo started'
    dd if=/dev/zero of="$XDG_STATE_HOME/filler" bs=4k 2>/dev/null
    smolvm start full && exit 3
    smolvm list --filter state=created -q
    rm "$XDG_STATE_HOME/filler"
    smolvm start -a full
    smolvm delete -f full
  `;
  await Deno.mkdir(state, { recursive: true });
  const outcome = await runProcess("unshare", { args: ["--mount", "sh", "-c", script, rootfs], env: suite.env });
  assert.equal(outcome.stdout, "full\nfull\nstarted\nDeleted VM: full\n", outcome.stderr);
  assert.match(outcome.stderr, /^smolvm: Cannot .*: No space left on device\n$/);
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

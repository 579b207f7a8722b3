/** A machine whose processes are killed at any moment: it loses no synced data, leaves nothing, and starts again. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { Random } from "../fuzz/random.ts";
import { runnersOf } from "../helpers/inventory.ts";
import { logOf, machineCommands } from "../helpers/machine_commands.ts";
import { pause, until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, state, runtime } = suite;
const { create, start, stop, remove, listed } = machineCommands(suite);

/** How long the state in `list` may be outdated. */
const LIMIT_MS = 2000;
/** Number of kills; a longer campaign sets more. */
const ROUNDS = Number(Deno.env.get("SMOLVM_TEST_ROUNDS") ?? 3);

/** Writes increasing numbers to the disk, and prints each number once it is synced. */
const COUNTER = `trap exit TERM; n=$(cat /count 2>/dev/null || echo 0); echo "from $n"
  while :; do n=$((n + 1)); echo $n > /count.new; sync; mv /count.new /count; sync; echo $n; sleep 0.1; done`;

/** The processes to kill: the VM's process, the command line that starts or stops it, or both. */
const VICTIMS = ["runner", "cli", "both"] as const;

test(`killing processes at random moments of start, run and stop loses no synced data`, async () => {
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
  assert.equal(exists(`${runtime}/smolvm/${id}`), false, "the folder of its sockets is gone");
  await remove("victim");
}, { timeoutMs: ROUNDS * 100_000 });

test("start continues when its command line is killed", async () => {
  await create("orphan", rootfs, "sleep", "1000");
  {
    await using cli = suite.start(["start", "orphan"]);
    await until(async () => (await listed("orphan")).state === "starting");
    cli.kill("SIGKILL");
  }
  await until(async () => (await listed("orphan")).state !== "starting");
  assert.equal((await listed("orphan")).state, "running");
  await stop("-t", "0", "orphan");
  await remove("orphan");
});

/** Starts or stops the machine unless it is in that state; waits until a started command has counted. */
async function ensure(wanted: "running" | "stopped"): Promise<void> {
  const { state: found } = await listed("victim");
  if (wanted === "stopped") return void (found === "stopped" || await stop("-t", "0", "victim"));
  // A start or stop may continue after the kill: end it before the next round.
  if (found === "starting" || found === "stopping") await stop("-t", "0", "victim");
  if (found !== "running") await start("victim");
  const hasCounted = async () => (await lastRun((await listed("victim")).id)).some((line) => /^\d/.test(line));
  await until(hasCounted, { everyMs: 50 });
}

async function killAt(
  { phase, victim, moment }: { phase: "start" | "run" | "stop"; victim: typeof VICTIMS[number]; moment: number },
): Promise<void> {
  const args = phase === "start" ? ["start", "victim"] : phase === "stop" ? ["stop", "victim"] : undefined;
  await using cli = args && suite.start(args);
  await pause(moment);
  if (victim !== "runner") cli?.kill("SIGKILL");
  if (victim !== "cli") (await untilRunner(cli?.outcome)).forEach(kill);
  // Wait until the command line has handled the runner's death.
  if (victim === "runner") await cli?.outcome;
}

/** Waits until there is a runner and returns it; none if the command line and its runner have exited. */
async function untilRunner(ended: Promise<unknown> | undefined): Promise<number[]> {
  let over = false;
  ended?.then(() => over = true);
  await until(() => over || runnersOf(suite).length > 0, { everyMs: 5 });
  return runnersOf(suite);
}

/** Waits until `list` shows the machine as live if and only if its VM is. */
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

/** Returns the lines of the command's last run. */
async function lastRun(id: string): Promise<string[]> {
  const lines = await logOf(state, id);
  return lines.slice(lines.findLastIndex((line) => line.startsWith("from ")));
}

/** Checks that each run found the data on its disk that the previous runs had synced. */
async function assertNothingLost(id: string): Promise<void> {
  let synced = 0;
  for (const line of await logOf(state, id)) {
    const [, from, number] = /^(?:from (\d+)|(\d+))$/.exec(line)!;
    assert.ok(from === undefined || Number(from) >= synced, `${synced} was synced, ${from} was on the disk`);
    synced = Math.max(synced, Number(number ?? 0));
  }
}

/**
 * Lists the processes, mounts, sockets, files and containers of machines on their host.
 *
 * @module
 */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { exists } from "../../src/host/files.ts";
import { pause, until } from "./until.ts";

/** The folders of a test's smolvm, which makes everything below `folder`. */
export interface TestFolders {
  folder: string;
  state: string;
  runtime: string;
  /** buildah's storage. */
  storage: string;
}

/** Everything on the host that belongs to a test's smolvm. */
export interface Inventory {
  /** Process ids and command lines. */
  processes: string[];
  /** Mount points in this process's namespace. */
  mounts: string[];
  /** Paths of listening sockets. */
  sockets: string[];
  /** Files and folders in its state and runtime folders. */
  files: string[];
  /** buildah's working containers. */
  containers: string[];
}

/** The variable that marks a test's processes; their children inherit it. */
export const MARK = "SMOLVM_TEST_FOLDER";

/** Matches the line of a process that started a runner and waits until it exits. */
const SUPERVISOR = /^\d+ \S*(smolvm-jail|buildah)\S* /;

/** Folders and lock files that all machines share; the first machine makes them, and they stay. */
const PERMANENT = /^(state|runtime)(\/smolvm(\/(ephemeral|machines|names|networks|images|boot)(\/\.lock)?)?)?$/;
/** The record of a prepared image. */
const RECORD = /^state\/smolvm\/images\/[0-9a-f]{32}\.json$/;
const CONTAINER = /^smolvm-[0-9a-f]{16}$/;

/** Lists everything that exists now, without the files and containers of prepared images. */
export async function takeInventory(folders: TestFolders): Promise<Inventory> {
  const { folder, state, runtime, storage } = folders;
  const files = [...walk(state), ...walk(runtime)].map((path) => path.slice(folder.length + 1));
  const mounts = below(folder, Deno.readTextFileSync("/proc/self/mountinfo"), 4);
  return {
    processes: markedProcesses(folder),
    mounts: mounts.filter((path) => !path.startsWith(`${storage}/`)),
    sockets: below(folder, Deno.readTextFileSync("/proc/net/unix"), 7),
    files: files.filter((path) => !PERMANENT.test(path) && !RECORD.test(path)).sort(),
    containers: (await containersOf(storage)).filter((name) => !CONTAINER.test(name)),
  };
}

/** The time for a supervisor to exit: it does that right after its runner, and no command waits for it. */
const SUPERVISOR_EXIT_MS = 1_000;

function withoutSupervisors(inventory: Inventory): Inventory {
  return { ...inventory, processes: inventory.processes.filter((command) => !command.includes("/smolvm-jail ")) };
}

/**
 * Settles when the inventory is `expected` again; fails after `withinMs`. Supervisors have more time to exit. If
 * `withinMs` is not 0, or if the first inventory does not match, two inventories must match: during execve(), a process
 * has no environment, and so no mark, for a moment.
 */
export async function untilInventory(folders: TestFolders, expected: Inventory, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let times = withinMs > 0 ? 2 : 1; times > 0;) {
    const late = performance.now() > deadline;
    const actual = await takeInventory(folders);
    try {
      assert.deepEqual(actual, expected);
      times--;
    } catch (error) {
      const awaitsSupervisors = isDeepStrictEqual(withoutSupervisors(actual), withoutSupervisors(expected)) &&
        performance.now() < deadline + SUPERVISOR_EXIT_MS;
      if (late && !awaitsSupervisors) throw error;
      times = 2;
    }
    if (times > 0) await pause();
  }
}

/** Settles when a machine has its sockets, which is when its guest starts to boot. */
export async function untilListening({ runtime }: TestFolders): Promise<void> {
  const hasSocket = (id: string) => exists(`${runtime}/smolvm/${id}/control.sock`);
  await until(() => listOf(`${runtime}/smolvm`).some(hasSocket));
}

/** Settles when no process has a VM; fails after `withinMs`. */
export async function untilNoVm({ folder }: TestFolders, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const late = performance.now() > deadline;
    const holders = markedProcesses(folder).filter((line) => holdsVm(parseInt(line)));
    if (holders.length === 0) return;
    if (late) assert.deepEqual(holders, [], `VMs that still exist after ${withinMs} ms`);
    await pause();
  }
}

function holdsVm(pid: number): boolean {
  return listOf(`/proc/${pid}/fd`).some((fd) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${fd}`) === "anon_inode:kvm-vm";
    } catch {
      return false; // The descriptor was closed, or the process is gone.
    }
  });
}

/** The process ids of runners. */
export function runnersOf({ folder }: TestFolders): number[] {
  return markedProcesses(folder).filter((line) => / __runner$/.test(line) && !SUPERVISOR.test(line)).map(toPid);
}

/** The process ids of the processes that wait until runners exit. */
export function supervisorsOf({ folder }: TestFolders): number[] {
  return markedProcesses(folder).filter((line) => SUPERVISOR.test(line)).map(toPid);
}

function toPid(line: string): number {
  return parseInt(line);
}

/** The processes that inherited the mark; zombies have no environment. */
function markedProcesses(folder: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || name === String(Deno.pid)) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      if (!environment.includes(`${MARK}=${folder}`)) continue;
      found.push(`${name} ${Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim()}`);
    } catch {
      // It has ended, or belongs to another user.
    }
  }
  return found;
}

/** The paths below a folder in a column of a kernel table. */
function below(folder: string, table: string, column: number): string[] {
  const paths = table.split("\n").map((line) => line.trim().split(/\s+/)[column] ?? "");
  return paths.filter((path) => path.startsWith(`${folder}/`)).sort();
}

/** A folder and everything below it; nothing if it does not exist. */
function* walk(folder: string): Generator<string> {
  if (exists(folder)) yield folder;
  for (const name of listOf(folder)) yield* walk(`${folder}/${name}`);
}

/** The names in a folder; none if it is missing or not a folder. */
export function listOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** Reads the storage's own list, because buildah itself takes a second in the emulated machine. */
async function containersOf(storage: string): Promise<string[]> {
  try {
    const json = await Deno.readTextFile(`${storage}/root/overlay-containers/containers.json`);
    return (JSON.parse(json) as { names: string[] }[]).flatMap(({ names }) => names).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * What machines leave on their host, or must not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";

/** The folders of a test's smolvm; everything it makes is below `folder`. */
export interface Territory {
  folder: string;
  state: string;
  runtime: string;
  /** Of buildah. */
  storage: string;
}

/** Everything that is there because of a smolvm. */
export interface Inventory {
  /** Process ids and command lines. */
  processes: string[];
  /** Mount points in this process's namespace. */
  mounts: string[];
  /** Paths of listening sockets. */
  sockets: string[];
  /** Files and folders of its state and its runtime folder. */
  files: string[];
  /** Working containers of buildah. */
  containers: string[];
}

/** The variable that marks a test's processes: it is inherited by all that they start. */
export const MARK = "SMOLVM_TEST_FOLDER";

/** Made by the first machine and kept: the folders that all machines use, and the files that are locked. */
const PERMANENT = /^(state|runtime)(\/smolvm(\/(ephemeral|machines|names|images|boot)(\/\.lock)?)?)?$/;
/** Of a prepared image. */
const RECORD = /^state\/smolvm\/images\/[0-9a-f]{32}\.json$/;
const CONTAINER = /^smolvm-[0-9a-f]{16}$/;

/** Looks at everything that is there now, but for what a prepared image keeps for its next machine. */
export async function takeInventory(territory: Territory): Promise<Inventory> {
  const { folder, state, runtime, storage } = territory;
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

/** Settles when the inventory is `expected` again, and fails when it is not within `withinMs`. */
export async function untilInventory(territory: Territory, expected: Inventory, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const late = performance.now() > deadline;
    const actual = await takeInventory(territory);
    try {
      assert.deepEqual(actual, expected);
      return;
    } catch (error) {
      if (late) throw error;
    }
    await pause();
  }
}

/** Nothing tells of a process that is not ours, of a mount or of a socket: whoever waits for one looks again. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** Settles when a machine has its sockets: its guest boots from then on. */
export async function untilListening({ runtime }: Territory): Promise<void> {
  const hasSocket = (id: string) => exists(`${runtime}/smolvm/${id}/control.sock`);
  while (!listOf(`${runtime}/smolvm`).some(hasSocket)) await pause();
}

/** Settles when no process holds a VM any more, and fails when one does after `withinMs`. */
export async function untilNoVm({ folder }: Territory, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const late = performance.now() > deadline;
    const holders = markedProcesses(folder).filter((line) => holdsVm(parseInt(line)));
    if (holders.length === 0) return;
    if (late) assert.deepEqual(holders, [], `VMs that live on after ${withinMs} ms`);
    await pause();
  }
}

function holdsVm(pid: number): boolean {
  return listOf(`/proc/${pid}/fd`).some((fd) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${fd}`) === "anon_inode:kvm-vm";
    } catch {
      return false; // Closed meanwhile, or the process is gone.
    }
  });
}

/** The process ids of runners. */
export function runnersOf({ folder }: Territory): number[] {
  return markedProcesses(folder).filter((line) => / __runner$/.test(line) && !/^\d+ \S*unshare /.test(line))
    .map((line) => parseInt(line));
}

/** Whoever inherited the mark; a zombie has no environment any more. */
function markedProcesses(folder: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || name === String(Deno.pid)) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      if (!environment.includes(`${MARK}=${folder}`)) continue;
      found.push(`${name} ${Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim()}`);
    } catch {
      // It has ended meanwhile, or it is somebody else's.
    }
  }
  return found;
}

/** The paths below a folder in a table of the kernel's. */
function below(folder: string, table: string, column: number): string[] {
  const paths = table.split("\n").map((line) => line.trim().split(/\s+/)[column] ?? "");
  return paths.filter((path) => path.startsWith(`${folder}/`)).sort();
}

/** A folder and everything below it; nothing when it is not there. */
function* walk(folder: string): Generator<string> {
  if (exists(folder)) yield folder;
  for (const name of listOf(folder)) yield* walk(`${folder}/${name}`);
}

/** The names in a folder; none in what is gone or no folder. */
/** The names in a folder; none when it is not there. */
export function listOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** Read from the storage's own list: buildah itself takes a second where these tests run. */
async function containersOf(storage: string): Promise<string[]> {
  try {
    const json = await Deno.readTextFile(`${storage}/root/overlay-containers/containers.json`);
    return (JSON.parse(json) as { names: string[] }[]).flatMap(({ names }) => names).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

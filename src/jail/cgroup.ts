import { dirname } from "../host/path.ts";

const MOUNT = "/sys/fs/cgroup";
/** What the VM's process may take beside the memory of its guest: Deno, libkrun, and what it reads and writes. */
const OVERHEAD_MIB = 512;
/** What it may take beside the processors of its guest, in CPUs. */
const OVERHEAD_CPUS = 1;
const PERIOD_US = 100_000;
/** The share of a machine's processors that boots before anybody wants it, beside 100 of all others. */
const BACKGROUND_WEIGHT = 1;
/** Threads: Deno's pool has up to 512. */
const MAX_TASKS = 1024;

/**
 * The control group below which this process may make one for a VM, by the lines of `/proc/self/cgroup`; `undefined`
 * when there is none, or when this process was put where it is on purpose: a service of systemd, or a container. Such a group has the limits that its owner wants.
 */
export function parentCgroup(text: string): string | undefined {
  const own = /^0::(\/.*)$/m.exec(text)?.[1];
  if (own === undefined) return undefined;
  // The user's own service manager, to which systemd has delegated the groups below its own.
  const manager = /^(.*\/user@\d+\.service)\//.exec(own);
  if (manager) return manager[1];
  // The root of all groups, or where a log-in has put root's shell.
  return own === "/" || /^\/user\.slice\/user-0\.slice\/[^/]*\.scope$/.test(own) ? "" : undefined;
}

/**
 * Puts this process into a control group of its own that limits what it can take of the host. In the background it gets
 * the processors that nobody else wants, until `smolvm-jail` gives it an equal share.
 *
 * @returns the folder of the group, to be removed when this process has ended; `undefined` where none can be had
 */
export function enterCgroup(
  id: string,
  vm: { cpus: number; memoryMib: number },
  { inBackground = false }: { inBackground?: boolean } = {},
): string | undefined {
  let folder: string | undefined;
  try {
    const parent = parentCgroup(Deno.readTextFileSync("/proc/self/cgroup"));
    if (parent === undefined) return undefined;
    folder = `${MOUNT}${parent}/smolvm/${id}`;
    Deno.mkdirSync(folder, { recursive: true });
    for (const above of [dirname(dirname(folder)), dirname(folder)]) enableControllers(above);
    for (const [file, value] of Object.entries(limitsOf(vm))) writeIfThere(`${folder}/${file}`, value);
    if (inBackground) writeIfThere(`${folder}/cpu.weight`, `${BACKGROUND_WEIGHT}`);
    Deno.writeTextFileSync(`${folder}/cgroup.procs`, `${Deno.pid}`, { create: false });
    return folder;
  } catch {
    // No cgroup2, or not ours to divide: the VM runs with the limits that its starter has.
    if (folder !== undefined) removeEmpty(folder);
    return undefined;
  }
}

/** The limits of a VM's process, by the files that hold them. */
export function limitsOf({ cpus, memoryMib }: { cpus: number; memoryMib: number }): Record<string, string> {
  return {
    "memory.max": `${(memoryMib + OVERHEAD_MIB) * 1024 ** 2}`,
    "memory.oom.group": "1",
    "cpu.max": `${(cpus + OVERHEAD_CPUS) * PERIOD_US} ${PERIOD_US}`,
    "pids.max": `${MAX_TASKS}`,
  };
}

function enableControllers(folder: string): void {
  const file = `${folder}/cgroup.subtree_control`;
  // The kernel takes its time for each write, even if it changes nothing.
  const enabled = Deno.readTextFileSync(file).trim().split(" ");
  // One by one: one that is missing must not keep the others away.
  for (const controller of ["memory", "cpu", "pids"].filter((name) => !enabled.includes(name))) {
    try {
      Deno.writeTextFileSync(file, `+${controller}`, { create: false });
    } catch {
      // Its limits are not there then.
    }
  }
}

function writeIfThere(file: string, value: string): void {
  try {
    Deno.writeTextFileSync(file, value, { create: false });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // Without its controller.
  }
}

function removeEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch {
    // It was never made.
  }
}

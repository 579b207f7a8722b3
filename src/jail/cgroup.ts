import { dirname } from "../host/path.ts";

const MOUNT = "/sys/fs/cgroup";
/** Memory of the VM's process on top of the guest's memory: for Deno, libkrun, and the files it reads and writes. */
const OVERHEAD_MIB = 512;
/** CPUs of the VM's process on top of the guest's. */
const OVERHEAD_CPUS = 1;
const PERIOD_US = 100_000;
/** The CPU weight of a warm machine; all others have 100. */
const BACKGROUND_WEIGHT = 1;
/** The limit on threads: Deno's pool has up to 512. */
const MAX_TASKS = 1024;

/**
 * The cgroup below which this process may create one for a VM, from the lines of `/proc/self/cgroup`. `undefined` when
 * there is none, or when this process is in a cgroup on purpose, such as that of a systemd service or a container: such
 * a cgroup has the limits that its owner wants.
 */
export function parentCgroup(text: string): string | undefined {
  const own = /^0::(\/.*)$/m.exec(text)?.[1];
  if (own === undefined) return undefined;
  // The user's service manager, to which systemd has delegated the cgroups below its own.
  const manager = /^(.*\/user@\d+\.service)\//.exec(own);
  if (manager) return manager[1];
  // The root cgroup, or that of a login shell of root.
  return own === "/" || /^\/user\.slice\/user-0\.slice\/[^/]*\.scope$/.test(own) ? "" : undefined;
}

/**
 * Moves this process to a new cgroup that limits its use of the host. In the background it gets only idle CPU time,
 * until `smolvm-jail` gives it the normal weight.
 *
 * @returns the folder of the cgroup, to be removed when this process has ended; `undefined` where it cannot be created
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
    // There is no cgroup2, or no permission to create cgroups: the VM runs with the limits of its starter.
    if (folder !== undefined) removeEmpty(folder);
    return undefined;
  }
}

/** The limits of a VM's process: file names and their contents. */
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
  // Writes are slow in the kernel, even if they change nothing.
  const enabled = Deno.readTextFileSync(file).trim().split(" ");
  // One by one: a missing controller must not prevent the others.
  for (const controller of ["memory", "cpu", "pids"].filter((name) => !enabled.includes(name))) {
    try {
      Deno.writeTextFileSync(file, `+${controller}`, { create: false });
    } catch {
      // The VM runs without this limit.
    }
  }
}

function writeIfThere(file: string, value: string): void {
  try {
    Deno.writeTextFileSync(file, value, { create: false });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // The controller is missing.
  }
}

function removeEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch {
    // It was not created.
  }
}

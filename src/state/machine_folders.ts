import { SmolvmError } from "../errors.ts";
import { folders } from "../host/folders.ts";
import { osReason } from "../host/os_error.ts";
import { acquireLock, type Lock } from "./lock.ts";

/** Where the parts of one machine are. */
export interface MachineFolders {
  /** Specification, status, disk and logs. */
  folder: string;
  /** Sockets. */
  runtimeFolder: string;
}

/** The folders of an ephemeral machine, apart from those that persist: whatever is there and unlocked is rubbish. */
export function ephemeralFolders(id: string): MachineFolders {
  const { state, runtime } = folders();
  return { folder: `${state}/ephemeral/${id}`, runtimeFolder: `${runtime}/${id}` };
}

/** The guest's console: kernel messages, and the agent's last words. */
export function consoleLog(folder: string): string {
  return `${folder}/console.log`;
}

/** Messages of the runner and of libkrun. */
export function runnerLog(folder: string): string {
  return `${folder}/runner.log`;
}

/**
 * Creates the folders of a machine and takes its lock, which stands for "this machine runs".
 *
 * @throws {SmolvmError} `storage`.
 */
export async function createMachineFolders({ folder, runtimeFolder }: MachineFolders): Promise<Lock> {
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  try {
    await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
    // A sweep must not meet the folder before its lock is held.
    using _ = await acquireLock(`${parent}/.lock`, { exclusive: false, wait: true });
    await Deno.mkdir(folder, { mode: 0o700 });
    const lock = await acquireLock(`${folder}/lock`, { exclusive: true, wait: true });
    await Deno.mkdir(runtimeFolder, { recursive: true, mode: 0o700 });
    return lock;
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot create the machine's folder "${folder}": ${osReason(error)}`, {
      cause: error,
    });
  }
}

/** Removes what a machine left, as far as it is there. */
export async function removeMachineFolders({ folder, runtimeFolder }: MachineFolders): Promise<void> {
  for (const path of [runtimeFolder, folder]) {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new SmolvmError("storage", `Cannot remove "${path}": ${osReason(error)}`, { cause: error });
      }
    });
  }
}

/** Removes the ephemeral machines whose runner and client were both killed before either could. */
export async function sweepEphemeralMachines(): Promise<void> {
  const parent = ephemeralFolders("x").folder.slice(0, -2);
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    if (!isDirectory) continue;
    const machine = ephemeralFolders(name);
    using unused = await acquireLock(`${machine.folder}/lock`, { exclusive: true, wait: false });
    if (unused) await removeMachineFolders(machine);
  }
}

import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { acquireLock, acquireLockSync, type Lock } from "./lock.ts";

/** Where the parts of one machine are. */
export interface MachineFolders {
  /** Specification, status, disk and logs. */
  folder: string;
  /** Sockets. */
  runtimeFolder: string;
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
export function createMachineFolders({ folder, runtimeFolder }: MachineFolders): Lock {
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  try {
    Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
    // A sweep must not meet the folder before its lock is held.
    using _ = acquireLockSync(`${parent}/.lock`, { exclusive: false });
    Deno.mkdirSync(folder, { mode: 0o700 });
    const lock = acquireLockSync(`${folder}/lock`, { exclusive: true });
    Deno.mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
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

/** Whether some process runs the machine in this folder. */
export async function isRunning(folder: string): Promise<boolean> {
  try {
    await Deno.stat(`${folder}/lock`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  using unused = await acquireLock(`${folder}/lock`, { exclusive: true, wait: false });
  return unused === undefined;
}

import { messageOf, SmolvmError } from "../errors.ts";
import { exists, removeIfThere } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { osReason } from "../host/os_error.ts";
import { log } from "../log.ts";
import { acquireLockSync, isLocked, type Lock } from "./lock.ts";
import { checkOwner } from "./state_file.ts";
import { machineLock } from "./status.ts";

/** Where the parts of one machine are. */
export interface MachineFolders {
  /** Record, status, disk and logs. */
  folder: string;
  /** Sockets. */
  runtimeFolder: string;
}

/** Holds the folders of ephemeral machines, apart from those that persist: what is there and unlocked is rubbish. */
export function ephemeralsFolder(): string {
  return `${folders().state}/ephemeral`;
}

/** The folders of an ephemeral machine. */
export function ephemeralFolders(id: string): MachineFolders {
  return { folder: `${ephemeralsFolder()}/${id}`, runtimeFolder: `${folders().runtime}/${id}` };
}

/** Holds the folders of the machines that persist, and those that are being made or removed, which begin with a dot. */
export function machinesFolder(): string {
  return `${folders().state}/machines`;
}

/** The folders of a machine that persists. */
export function persistentFolders(id: string): MachineFolders {
  return { folder: `${machinesFolder()}/${id}`, runtimeFolder: `${folders().runtime}/${id}` };
}

/** Whether there is a machine with that id: a persistent one, or an ephemeral one that runs. */
export function machineExists(id: string): boolean {
  return exists(persistentFolders(id).folder) || isLocked(machineLock(ephemeralFolders(id).folder));
}

/**
 * The names of what a folder holds; none when there is no such folder.
 *
 * @throws {SmolvmError} `state`.
 */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new SmolvmError("state", `Cannot read "${folder}": ${osReason(error)}`, { cause: error });
  }
}

/** Those folders of machines in a folder that no process holds. What cannot be looked at is left to its owner. */
export function unheldIn(parent: string, names: readonly string[]): string[] {
  return names.map((name) => `${parent}/${name}`).filter((folder) => {
    try {
      return !isLocked(machineLock(folder));
    } catch (error) {
      log("warn", messageOf(error));
      return false;
    }
  });
}

/** The guest's console: kernel messages, and the agent's last words. */
export function consoleLog(folder: string): string {
  return `${folder}/console.log`;
}

/** What the command of a machine that persists has written. */
export function commandLogFile(folder: string): string {
  return `${folder}/command.log`;
}

/** Messages of the runner and of libkrun. */
export function runnerLog(folder: string): string {
  return `${folder}/runner.log`;
}

/** The guest's disk. */
export function diskFile(folder: string): string {
  return `${folder}/disk.img`;
}

/**
 * Creates a machine's folder and takes its lock. A sweep of the parent folder, which holds that one's lock, does not
 * meet the folder before.
 *
 * @throws {SmolvmError} `storage`.
 */
export function createMachineFolder(folder: string): Lock {
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  return orExplain(folder, () => {
    Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
    using _ = acquireLockSync(`${parent}/.lock`, { exclusive: false });
    Deno.mkdirSync(folder, { mode: 0o700 });
    try {
      return acquireLockSync(machineLock(folder), { exclusive: true });
    } catch (error) {
      Deno.removeSync(folder);
      throw error;
    }
  });
}

/**
 * Makes the folder of a machine's sockets, empty, for the holder of its lock.
 *
 * @throws {SmolvmError} `storage`; `state` when the folder for all of them is another user's.
 */
export function createRuntimeFolder({ runtimeFolder }: Pick<MachineFolders, "runtimeFolder">): void {
  orExplain(runtimeFolder, () => {
    Deno.mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
    // Whose it is could put sockets of their own in the place of ours, and in /tmp anybody can make it.
    checkOwner(runtimeFolder.slice(0, runtimeFolder.lastIndexOf("/")), "Set XDG_RUNTIME_DIR to a folder of yours.");
    // Of a runner that was killed.
    for (const { name } of Deno.readDirSync(runtimeFolder)) Deno.removeSync(`${runtimeFolder}/${name}`);
  });
}

function orExplain<T>(folder: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot create the machine's folder "${folder}": ${osReason(error)}`, {
      cause: error,
    });
  }
}

/** Removes what a machine left, as far as it is there. */
export async function removeMachineFolders({ folder, runtimeFolder }: MachineFolders): Promise<void> {
  for (const path of [runtimeFolder, folder]) await removeIfThere(path);
}

import { messageOf, SmolvmError } from "../errors.ts";
import { exists, removeIfThere } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { acquireLockSync, isLocked, type Lock } from "../host/lock.ts";
import { dirname } from "../host/path.ts";
import { removeTree } from "../host/remove_tree.ts";
import { secretsFile } from "../host/secrets_file.ts";
import { osReason } from "../host/os_error.ts";
import { log } from "../log.ts";
import { checkOwner } from "./state_file.ts";

/** The folders of one machine. */
export interface MachineFolders {
  /** Record, lock, and the folder with status, disk and logs. */
  folder: string;
  /** Sockets. */
  runtimeFolder: string;
}

/** The folder of ephemeral machines, apart from persistent ones: everything unlocked in it can be removed. */
export function ephemeralsFolder(): string {
  return `${folders().state}/ephemeral`;
}

/** The folders of an ephemeral machine. */
export function ephemeralFolders(id: string): MachineFolders {
  return { folder: `${ephemeralsFolder()}/${id}`, runtimeFolder: `${folders().runtime}/${id}` };
}

/** The folder of persistent machines; folders whose names begin with a dot are being made or removed. */
export function machinesFolder(): string {
  return `${folders().state}/machines`;
}

/** The folders of a persistent machine. */
export function persistentFolders(id: string): MachineFolders {
  return { folder: `${machinesFolder()}/${id}`, runtimeFolder: `${folders().runtime}/${id}` };
}

/** Whether there is a machine with this id: a persistent one, or an ephemeral one that runs. */
export function machineExists(id: string): boolean {
  return exists(persistentFolders(id).folder) || isLocked(machineLock(ephemeralFolders(id).folder));
}

/**
 * The names in a folder; empty when there is no such folder.
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

/** The folders of machines in `parent` that no process has locked. Skips and logs a lock that cannot be examined. */
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

/** The lock of a machine; its runner holds it from before the start to the end. */
export function machineLock(folder: string): string {
  return `${folder}/lock`;
}

/**
 * The only folder of a machine that the process of its running VM can write to. A guest may have taken over that
 * process: do not trust anything in the folder.
 */
export function vmFolder(folder: string): string {
  return `${folder}/vm`;
}

/**
 * A file that the process of a VM writes. smolvm 0.2 kept it in the machine's folder itself, where it stays until the
 * machine's next start.
 */
function vmFile(folder: string, name: string): string {
  // Look in the old place first: another process may be moving the file. No VM can write there.
  const before = `${folder}/${name}`;
  return exists(before) ? before : `${vmFolder(folder)}/${name}`;
}

/** The status of the machine's current or last run, written by its runner. */
export function statusFile(folder: string): string {
  return vmFile(folder, "status.json");
}

/** The guest's console: messages of the kernel and of the agent. */
export function consoleLog(folder: string): string {
  return vmFile(folder, "console.log");
}

/** The output of the machine's command. */
export function commandLogFile(folder: string): string {
  return vmFile(folder, "command.log");
}

/** Messages of the runner and of libkrun. */
export function runnerLog(folder: string): string {
  return vmFile(folder, "runner.log");
}

/** Messages of the machine's gateway about its network. The process of a VM cannot write there. */
export function networkLog(folder: string): string {
  return `${folder}/network.log`;
}

/** A file that marks an ephemeral machine as ended normally: no client needs its files any more. */
export function endedMark(folder: string): string {
  return `${vmFolder(folder)}/ended`;
}

/** The guest's disk. */
export function diskFile(folder: string): string {
  return vmFile(folder, "disk.img");
}

/**
 * Creates a machine's folder and takes its lock. The lock of the parent folder keeps a sweep from seeing the folder
 * before it is locked.
 *
 * @throws {SmolvmError} `storage`.
 */
export function createMachineFolder(folder: string): Lock {
  const parent = dirname(folder);
  return explainFailure(folder, () => {
    Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
    using _ = acquireLockSync(`${parent}/.lock`, { exclusive: false });
    Deno.mkdirSync(folder, { mode: 0o700 });
    try {
      Deno.mkdirSync(vmFolder(folder), { mode: 0o700 });
      return acquireLockSync(machineLock(folder), { exclusive: true });
    } catch (error) {
      Deno.removeSync(folder, { recursive: true });
      throw error;
    }
  });
}

/**
 * Makes an empty folder for a machine's sockets. The caller holds the machine's lock.
 *
 * @throws {SmolvmError} `storage`; `state` when another user owns the parent folder.
 */
export function createRuntimeFolder({ runtimeFolder }: Pick<MachineFolders, "runtimeFolder">): void {
  explainFailure(runtimeFolder, () => {
    Deno.mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
    // The owner of the parent folder could replace the sockets, and in /tmp any user can create that folder.
    checkOwner(dirname(runtimeFolder), "Set XDG_RUNTIME_DIR to a folder of yours.");
    // Remove the sockets of a runner that was killed.
    for (const { name } of Deno.readDirSync(runtimeFolder)) Deno.removeSync(`${runtimeFolder}/${name}`);
  });
}

function explainFailure<T>(folder: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot create the machine's folder "${folder}": ${osReason(error)}`, {
      cause: error,
    });
  }
}

/** Removes the folders of a machine, if they exist. */
export async function removeMachineFolders({ folder, runtimeFolder }: MachineFolders): Promise<void> {
  await removeIfThere(runtimeFolder);
  await removeIfThere(secretsFile(runtimeFolder));
  removeTree(folder);
}

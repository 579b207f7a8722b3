import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { osReason } from "../host/os_error.ts";
import { removeTree } from "../host/remove_tree.ts";
import { reasonNotToTrust } from "../host/untrusted_file.ts";
import { diskFile, namesIn, vmFolder } from "./machine_folders.ts";

/**
 * Cleans the folder that a VM writes to, while no VM runs: a hostile guest may have left anything there.
 *
 * @module
 */

const DISK = "disk.img";
const STATUS = "status.json";
/** The files that `smolvm logs` shows, older ones included. */
const LOG = /^(command\.log(\.\d+)?|(console|runner)\.log)$/;

/** The gateway's logs, which are not in the VM's folder. */
const NETWORK_LOG = /^network\.log(\.1)?$/;

/** The existing logs of a machine; none from a folder that cannot be read. */
export function logFiles(folder: string): string[] {
  return [folder, vmFolder(folder)].flatMap((parent) => {
    try {
      return namesIn(parent).filter((name) => LOG.test(name) || NETWORK_LOG.test(name)).map((name) =>
        `${parent}/${name}`
      );
    } catch {
      return []; // Callers only show the size of the logs.
    }
  });
}

/**
 * Removes everything from the folder except smolvm's own regular files, so that no writer follows a symlink or blocks
 * on a FIFO. Keeps the disk even if it is not a regular file. The caller holds the machine's lock.
 *
 * @throws {SmolvmError} `storage`.
 */
export function tidyVmFolder(folder: string): void {
  const parent = vmFolder(folder);
  try {
    Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
    Deno.chmodSync(parent, 0o700);
    moveIntoVmFolder(folder);
    for (const name of namesIn(parent)) {
      const path = `${parent}/${name}`;
      if (name === DISK || isOurs(name) && reasonNotToTrust(Deno.lstatSync(path)) === undefined) continue;
      removeTree(path);
    }
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot tidy up "${parent}": ${osReason(error)}`, { cause: error });
  }
}

/**
 * Refuses a disk that is not a regular file of this user with exactly one link: the VM would write to its target.
 *
 * @throws {SmolvmError} `storage`.
 */
export function checkDisk(folder: string): void {
  const path = diskFile(folder);
  try {
    const fault = reasonNotToTrust(Deno.lstatSync(path));
    if (fault !== undefined) throw new SmolvmError("storage", `Cannot use the disk "${path}": it ${fault}`);
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot use the disk "${path}": ${osReason(error)}`, { cause: error });
  }
}

function isOurs(name: string): boolean {
  return name === STATUS || LOG.test(name);
}

/** Moves the files that smolvm 0.2 kept in the machine's folder itself; continues an interrupted move. */
function moveIntoVmFolder(folder: string): void {
  if (!exists(`${folder}/${STATUS}`)) return;
  const names = namesIn(folder).filter((name) => LOG.test(name) || name === DISK);
  // Move the status last: its presence means that there are files to move.
  for (const name of [...names, STATUS]) Deno.renameSync(`${folder}/${name}`, `${vmFolder(folder)}/${name}`);
}

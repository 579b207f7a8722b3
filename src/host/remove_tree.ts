import { SmolvmError } from "../errors.ts";
import { osReason } from "./os_error.ts";

/**
 * Removes a file or a whole folder if it exists; follows no symlink. A guest may have filled the folder, but must not
 * write to it any more. Deno's own removal aborts the process for a very deep tree, and fails for a folder whose mode
 * denies access to its owner.
 *
 * @throws {SmolvmError} `storage`.
 */
export function removeTree(path: string): void {
  try {
    if (Deno.lstatSync(path).isDirectory) removeFolder(path);
    else Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SmolvmError("storage", `Cannot remove "${path}": ${osReason(error)}`, { cause: error });
  }
}

/** Moves every subfolder to the top before emptying it, so that no path gets too long. */
function removeFolder(top: string): void {
  const found: string[] = [];
  const prefix = `${top}/${crypto.randomUUID()}.`;
  let count = 0;
  const empty = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      try {
        if (!isDirectory) {
          Deno.removeSync(path);
          continue;
        }
        open(path);
        const moved = `${prefix}${count++}`;
        Deno.renameSync(path, moved);
        found.push(moved);
      } catch (error) {
        // Deno cannot open names that are not UTF-8: the shell removes those.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  };
  open(top);
  empty(top);
  for (let folder = found.pop(); folder !== undefined; folder = found.pop()) {
    empty(folder);
    removeEmptied(folder);
  }
  removeEmptied(top);
}

/** Makes a folder readable and writable for its owner, so that it can be emptied and moved. */
function open(folder: string): void {
  try {
    Deno.chmodSync(folder, 0o700);
  } catch (error) {
    // The folder belongs to another user: if that matters, the removal reports it.
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable)) throw error;
  }
}

function removeEmptied(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch (error) {
    const { success } = new Deno.Command("sh", {
      args: ["-c", 'chmod -R u+rwx -- "$1"; exec rm -rf -- "$1"', "sh", folder],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    if (!success) throw error;
  }
}

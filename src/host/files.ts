import { SmolvmError } from "../errors.ts";
import { osReason } from "./os_error.ts";

/** Whether something exists at a path, including a dangling symlink. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Makes a folder and its missing parents, all with mode 0700.
 *
 * @throws {SmolvmError} `storage`.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SmolvmError("storage", `Cannot make the folder "${path}": ${osReason(error)}`, { cause: error });
  }
}

/**
 * Removes a file or a whole folder if it exists.
 *
 * @throws {SmolvmError} `storage`.
 */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SmolvmError("storage", `Cannot remove "${path}": ${osReason(error)}`, { cause: error });
  }
}

/** Like {@linkcode removeIfThere}, but synchronous and for files only. */
export function removeIfThereSync(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SmolvmError("storage", `Cannot remove "${path}": ${osReason(error)}`, { cause: error });
  }
}

import { SmolvmError } from "../errors.ts";
import { osReason } from "./os_error.ts";

/** Whether there is something at a path, be it a link that leads nowhere. */
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
 * Makes a folder and those above it, private ones, as far as they are missing.
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
 * Removes a file, or a folder with all that is in it, if there is one.
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

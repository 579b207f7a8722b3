import { SmolvmError } from "../errors.ts";
import { osReason } from "./os_error.ts";
import { dirname } from "./path.ts";

/** How {@linkcode writeFileAtomic} makes the file. */
export interface AtomicWriteOptions {
  /** Permissions of the file; default 0o644. The umask applies. */
  mode?: number;
}

/**
 * Replaces a file atomically: readers see the old content or the new one, even after a crash of the host.
 *
 * @throws {SmolvmError} `storage`; the old file is untouched and no temporary file is left.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644 }: AtomicWriteOptions = {},
): Promise<void> {
  // In the same folder, because a rename is atomic only within one file system.
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeSynced(temporary, typeof data === "string" ? new TextEncoder().encode(data) : data, mode);
    await Deno.rename(temporary, path);
  } catch (error) {
    // It may not exist; only the first failure matters to the user.
    await Deno.remove(temporary).catch(() => {});
    throw new SmolvmError("storage", `Cannot write "${path}": ${osReason(error)}`, { cause: error });
  }
  await syncFolderOf(path);
}

/**
 * Replaces a private file atomically and synchronously: readers see the old content or the new one. After a crash of
 * the host it may be empty: use it for files that are worthless then.
 *
 * @throws {SmolvmError} `storage`; the old file is untouched and no temporary file is left.
 */
export function writeFileAtomicSync(path: string, text: string): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    Deno.writeTextFileSync(temporary, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It may not exist; only the first failure matters to the user.
    }
    throw new SmolvmError("storage", `Cannot write "${path}": ${osReason(error)}`, { cause: error });
  }
}

async function writeSynced(path: string, data: Uint8Array, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  for (let written = 0; written < data.length;) {
    written += await file.write(data.subarray(written));
  }
  await file.sync();
}

/** Makes the rename of a file or folder durable, where the file system can do that. */
export async function syncFolderOf(path: string): Promise<void> {
  try {
    using folder = await Deno.open(dirname(path));
    await folder.sync();
  } catch {
    // Some network and FUSE file systems refuse to sync a folder.
  }
}

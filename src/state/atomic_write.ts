import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";

/** How {@linkcode writeFileAtomic} makes the file. */
export interface AtomicWriteOptions {
  /** Permissions of the file; default 0o644. The umask applies. */
  mode?: number;
}

/**
 * Replaces a file as a whole: whoever reads it sees the old content or the new one, also after a crash of the host.
 *
 * @throws {SmolvmError} `storage`; the old file is untouched and no temporary file is left.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644 }: AtomicWriteOptions = {},
): Promise<void> {
  // In the same folder, since a rename is atomic only within one file system.
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeSynced(temporary, typeof data === "string" ? new TextEncoder().encode(data) : data, mode);
    await Deno.rename(temporary, path);
  } catch (error) {
    // It may never have been made; what matters to the user is the first failure.
    await Deno.remove(temporary).catch(() => {});
    throw new SmolvmError("storage", `Cannot write "${path}": ${osReason(error)}`, { cause: error });
  }
  await syncFolderOf(path);
}

async function writeSynced(path: string, data: Uint8Array, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  for (let written = 0; written < data.length;) {
    written += await file.write(data.subarray(written));
  }
  await file.sync();
}

/** Makes the renaming of a file or a folder itself durable. It is in place already: a file system that cannot do this is no failure. */
export async function syncFolderOf(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path.slice(0, path.lastIndexOf("/")) || "/");
    await folder.sync();
  } catch {
    // Some network and FUSE file systems refuse to sync a folder.
  }
}

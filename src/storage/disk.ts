import { SmolvmError } from "../errors.ts";
import { libFolder } from "../host/lib_folder.ts";
import { osReason } from "../host/os_error.ts";
import { type DiskTemplate, parseTemplate } from "./template.ts";

/** Size of a disk unless the user says otherwise, and of the file system in the template that ships with smolvm. */
export const DEFAULT_DISK_BYTES = 10 * 1024 ** 3;

/** How {@linkcode createDisk} makes the disk. */
export interface DiskOptions {
  /** Size of the disk in bytes; default: that of the template's file system, which is also the least. */
  sizeBytes?: number;
  /** The template's file; default: the one that ships with smolvm. */
  template?: string;
}

/**
 * Makes a disk with an empty ext4 file system: a sparse file of mode 0600 that takes a few blocks of the host until
 * the guest writes to it.
 *
 * Nothing is spawned and only the template's few blocks are written, synchronously: this is on the way of every boot.
 *
 * @throws {SmolvmError} `storage` when the disk cannot be made or exists; `dependency` without a template. No file of
 * ours is left behind.
 */
export function createDisk(path: string, options: DiskOptions = {}): void {
  const template = readTemplate(options.template ?? `${libFolder()}/disk.template`);
  const sizeBytes = options.sizeBytes ?? template.sizeBytes;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < template.sizeBytes) {
    throw new SmolvmError(
      "storage",
      `Cannot make a disk of ${sizeBytes} bytes: the file system on it takes ${template.sizeBytes}`,
    );
  }
  let made = false;
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    made = true;
    file.truncateSync(sizeBytes);
    for (const { offset, data } of template.extents) {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < data.length;) written += file.writeSync(data.subarray(written));
    }
  } catch (error) {
    if (made) Deno.removeSync(path);
    throw new SmolvmError("storage", `Cannot create the disk "${path}": ${osReason(error)}`, { cause: error });
  }
}

function readTemplate(path: string): DiskTemplate {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot read the disk template "${path}": ${osReason(error)}`, {
      cause: error,
      hint: "scripts/setup builds it.",
    });
  }
  return parseTemplate(bytes);
}

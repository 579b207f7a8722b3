import { SmolvmError } from "../errors.ts";
import { LIB_HINT, libFolder } from "../host/lib_folder.ts";
import { osReason } from "../host/os_error.ts";
import { formatExact } from "../size.ts";
import { BLOCK_BYTES, type DiskTemplate, parseTemplate } from "./template.ts";

/** The default size of a disk. */
export const DEFAULT_DISK_BYTES = 10 * 1024 ** 3;

/**
 * The minimum size of a disk: one block group of ext4. A smaller file system has fewer inodes per group, and keeps that
 * number when it grows.
 */
export const MIN_DISK_BYTES = 128 * 1024 ** 2;

/** The maximum: the guest's kernel takes quadratic time to grow a file system, and a boot must not take minutes. */
export const MAX_DISK_BYTES = 1024 ** 4;

/** The file systems that ship with smolvm, the largest first; the guest grows its own to fill the disk. */
export const DISK_TEMPLATES = [
  { name: "disk.template", sizeBytes: DEFAULT_DISK_BYTES },
  { name: "disk-small.template", sizeBytes: MIN_DISK_BYTES },
];

/** How {@linkcode createDisk} makes the disk. */
export interface DiskOptions {
  /** Size of the disk in bytes, from {@linkcode MIN_DISK_BYTES} to {@linkcode MAX_DISK_BYTES}; rounded up to 4 KiB. */
  sizeBytes?: number;
  /** Whether to sync it, so that it survives a crash of the host; slow. */
  durable?: boolean;
  /** The folder of the templates; default: the `lib` folder. */
  templates?: string;
}

/**
 * Makes a disk with an empty ext4 file system: a sparse file of mode 0600 that takes few blocks until the guest writes
 * to it. The file system is the largest template that fits.
 *
 * It spawns nothing and writes only the template's few blocks, synchronously: every boot waits for it.
 *
 * @throws {SmolvmError} `usage` for an invalid size; `storage` when the disk cannot be made or exists; `dependency`
 * without a template. Leaves no file behind then.
 */
export function createDisk(path: string, options: DiskOptions = {}): void {
  const sizeBytes = wholeBlocks(options.sizeBytes ?? DEFAULT_DISK_BYTES);
  const { name } = DISK_TEMPLATES.find((template) => template.sizeBytes <= sizeBytes)!;
  const template = readTemplate(`${options.templates ?? libFolder()}/${name}`);
  let made = false;
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    made = true;
    file.truncateSync(sizeBytes);
    for (const { offset, data } of template.extents) {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < data.length;) written += file.writeSync(data.subarray(written));
    }
    if (options.durable) file.syncSync();
  } catch (error) {
    if (made) Deno.removeSync(path);
    throw new SmolvmError("storage", `Cannot create the disk "${path}": ${osReason(error)}`, { cause: error });
  }
}

/**
 * Refuses sizes that no disk can have.
 *
 * @throws {SmolvmError} `usage`.
 */
export function checkDiskSize(sizeBytes: number): void {
  if (Number.isInteger(sizeBytes) && sizeBytes >= MIN_DISK_BYTES && sizeBytes <= MAX_DISK_BYTES) return;
  const [size, least, most] = [sizeBytes, MIN_DISK_BYTES, MAX_DISK_BYTES].map(formatExact);
  throw new SmolvmError("usage", `Cannot make a disk of ${size}: expected ${least} to ${most}`);
}

function wholeBlocks(sizeBytes: number): number {
  checkDiskSize(sizeBytes);
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/**
 * Reads a template.
 *
 * @throws {SmolvmError} `dependency` when it is missing, `storage` when it is broken.
 */
export function readTemplate(path: string): DiskTemplate {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot read the disk template "${path}": ${osReason(error)}`, {
      cause: error,
      hint: LIB_HINT,
    });
  }
  return parseTemplate(bytes);
}

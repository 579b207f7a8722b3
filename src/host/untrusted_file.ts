import { SmolvmError } from "../errors.ts";

/**
 * Reads files in a folder that a guest can write to: the guest may replace a file by a fifo, a symlink or anything else
 * at any time.
 *
 * @module
 */

/**
 * Why such a file must not be used, as the end of a sentence; `undefined` for a regular file of this user with only one
 * link: another hard link may be a file outside the folder.
 */
export function reasonNotToTrust({ isFile, uid, nlink }: Deno.FileInfo): string | undefined {
  if (!isFile) return "is not a regular file";
  if (uid !== Deno.uid()) return `belongs to the user with id ${uid}`;
  // 0 links: it was replaced since it was opened.
  return (nlink ?? 1) <= 1 ? undefined : "has another name";
}

/** The maximum number of attempts to open a file. smolvm replaces its files too, but only an attack does so often. */
const ATTEMPTS = 100;

/**
 * Opens a regular file for reading, without following a symlink and without blocking.
 *
 * @throws {SmolvmError} `state` for anything but a regular file of this user; what `Deno.openSync` throws.
 */
export function openUntrusted(path: string): Deno.FsFile {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const expected = Deno.lstatSync(path);
    check(path, expected);
    // Opened for writing too, so that a fifo that has replaced the file does not block: Deno has no O_NONBLOCK.
    const file = Deno.openSync(path, { read: true, write: true });
    const { ino, dev } = file.statSync();
    if (ino === expected.ino && dev === expected.dev) return file;
    file.close();
  }
  throw new SmolvmError("state", `"${path}" is replaced too often to be opened`);
}

/**
 * Reads the text of such a file.
 *
 * @param maxBytes the maximum size
 * @throws {SmolvmError} `state` for a larger file; like {@linkcode openUntrusted}.
 */
export function readUntrusted(path: string, maxBytes: number): string {
  using file = openUntrusted(path);
  // Not `maxBytes` from the start: allocating a large array takes longer than reading the file.
  let bytes = new Uint8Array(Math.min(file.statSync().size, maxBytes) + 1);
  let size = 0;
  for (let count; (count = file.readSync(bytes.subarray(size))) !== null;) {
    size += count;
    if (size > maxBytes) throw new SmolvmError("state", `"${path}" is larger than ${maxBytes} bytes`);
    if (size < bytes.length) continue;
    // The file has grown since.
    const before = bytes;
    bytes = new Uint8Array(Math.min(2 * size, maxBytes + 1));
    bytes.set(before);
  }
  return new TextDecoder().decode(bytes.subarray(0, size));
}

function check(path: string, info: Deno.FileInfo): void {
  const fault = reasonNotToTrust(info);
  if (fault !== undefined) throw new SmolvmError("state", `"${path}" ${fault}`);
}

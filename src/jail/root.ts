import type { Libc } from "../host/libc.ts";
import { dirname } from "../host/path.ts";

/** What the root of a runner holds, each under the name that it has outside; nothing else of the host is there. */
export interface JailRoot {
  /** Folders that may be written to. */
  writable: readonly string[];
  /** Folders that may be read. */
  readable: readonly string[];
  /** Device files. */
  devices: readonly string[];
}

/**
 * Begins a root for this process: an empty file system in memory, over the folder `at`, in the mount namespace of this
 * process.
 */
export function beginRoot(libc: Libc, at: string): void {
  Deno.mkdirSync(at, { recursive: true, mode: 0o700 });
  libc.mountTmpfs(at);
}

/**
 * Completes the root that was begun at `at`, to which more may have been added meanwhile, and moves this process with
 * all its threads into it; the host's file systems are out of reach then.
 *
 * @throws {SmolvmError} `jail`.
 */
export function enterRoot(libc: Libc, at: string, { writable, readable, devices }: JailRoot): void {
  for (const path of [...writable, ...readable]) {
    makeFolder(`${at}${path}`);
    libc.bindInJail(path, `${at}${path}`, { readOnly: readable.includes(path) });
  }
  for (const path of devices) {
    makeFolder(dirname(`${at}${path}`));
    Deno.writeFileSync(`${at}${path}`, new Uint8Array());
    libc.bindInJail(path, `${at}${path}`, { device: true });
  }
  // libkrun reaches every file of a share by its descriptor here, and opens this folder anew at each reset of a device.
  makeFolder(`${at}/proc/self/fd`);
  libc.bindInJail(`/proc/${Deno.pid}/fd`, `${at}/proc/self/fd`, {});
  libc.makeReadOnly(at, { recursive: false });
  libc.pivotRoot(at);
}

function makeFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o755 });
}

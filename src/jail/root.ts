import type { Libc } from "../host/libc.ts";
import { dirname } from "../host/path.ts";

/** The contents of a runner's root, each at the same path as outside; nothing else of the host is in it. */
export interface JailRoot {
  /** Folders that may be written to. */
  writable: readonly string[];
  /** Folders that may be read. */
  readable: readonly string[];
  /** Device files. */
  devices: readonly string[];
}

/**
 * Starts to build a root for this process: mounts an empty tmpfs on the folder `at`, in the mount namespace of this
 * process.
 */
export function beginRoot(libc: Libc, at: string): void {
  Deno.mkdirSync(at, { recursive: true, mode: 0o700 });
  libc.mountTmpfs(at);
}

/**
 * Completes the root at `at`, to which callers may have added more since {@linkcode beginRoot}, and moves this process
 * with all its threads into it. The host's file systems are out of reach after that.
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
  // libkrun opens every file of a share by its descriptor in this folder, and reopens the folder at each device reset.
  makeFolder(`${at}/proc/self/fd`);
  libc.bindInJail(`/proc/${Deno.pid}/fd`, `${at}/proc/self/fd`, {});
  libc.makeReadOnly(at, { recursive: false });
  libc.pivotRoot(at);
}

function makeFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o755 });
}

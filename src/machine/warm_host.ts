import { SmolvmError } from "../errors.ts";
import { readKernelFile } from "../host/by_sh.ts";
import { parentCgroup } from "../jail/cgroup.ts";
import { jailProgram } from "../jail/prefix.ts";
import { logLevel } from "../log.ts";
import { roleCommand } from "../runner/entry.ts";

/** The variables that choose the libraries of a runner. */
const LIBRARIES = ["SMOLVM_LIBKRUN", "SMOLVM_LIBKRUNFW"];

/**
 * Describes the host and the process that starts a warm machine: the versions of the program files, the libraries, the
 * log level and the control group that limits the machine. A client can take the machine only if its own description is
 * the same. Returns `undefined` for a script without permission to read these.
 */
export function hostOfWarm(): string | undefined {
  const { argv } = roleCommand("runner");
  const files = [jailProgram(), ...argv].filter((word) => word.startsWith("/"));
  // Query the permissions: reading without them would prompt the user.
  if (!files.every((path) => isGranted({ name: "read", path }))) return undefined;
  if (!LIBRARIES.every((variable) => isGranted({ name: "env", variable }))) return undefined;
  const group = readKernelFile("/proc/self/cgroup");
  return JSON.stringify({
    argv,
    files: files.map((path) => [path, stampOf(path)]),
    libraries: LIBRARIES.map((name) => Deno.env.get(name) ?? null),
    logLevel: logLevel(),
    group: parentCgroup(group) ?? group,
  });
}

/** The mounts that a process sees, which decide what a path means to it. */
export interface Mounts {
  /** Id of the process's root mount: processes with the same id are in the same mount namespace. */
  rootMount: number;
  /** A hash that changes with every mount. */
  mounts: string;
}

/**
 * Returns the mounts that this process sees.
 *
 * @throws {SmolvmError} `usage` when the root of this process is not a mount, as after `chroot`.
 */
export async function readMounts(): Promise<Mounts> {
  const text = readKernelFile("/proc/self/mountinfo");
  const root = text.split("\n").map((line) => line.split(" ")).find(([, , , , point]) => point === "/");
  if (root === undefined) {
    throw new SmolvmError("usage", "Cannot keep machines warm here: the root of this process is not a mount point");
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { rootMount: Number(root[0]), mounts: new Uint8Array(digest).toHex() };
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Returns a text that differs between versions of a file. */
function stampOf(path: string): string {
  const { size, mtime } = Deno.statSync(path);
  return `${size}-${mtime?.getTime()}`;
}

import { SmolvmError } from "../errors.ts";
import { readKernelFile } from "../host/by_sh.ts";
import { parentCgroup } from "../jail/cgroup.ts";
import { jailProgram } from "../jail/prefix.ts";
import { logLevel } from "../log.ts";
import { roleCommand } from "../runner/entry.ts";

/** The variables that say what a runner loads. */
const LIBRARIES = ["SMOLVM_LIBKRUN", "SMOLVM_LIBKRUNFW"];

/**
 * What a machine that has booted has of its host and of who started it, beside its size: who takes it must have the
 * same. The program, in its version; its libraries; how much it logs; and the control group that its limits come from.
 * `undefined` for a script that may not look.
 */
export function hostOfWarm(): string | undefined {
  const { argv } = roleCommand("runner");
  const files = [jailProgram(), ...argv].filter((word) => word.startsWith("/"));
  // Nobody is to be asked.
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

/** What a path means to a process. */
export interface Mounts {
  /** Id of the mount that is its root: processes with the same one are in the same namespace. */
  rootMount: number;
  /** Changes with every mount. */
  mounts: string;
}

/**
 * The mounts that this process sees.
 *
 * @throws {SmolvmError} `usage` behind a root that is no mount.
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

/** What tells one version of a file from another. */
function stampOf(path: string): string {
  const { size, mtime } = Deno.statSync(path);
  return `${size}-${mtime?.getTime()}`;
}

import { readKernelFile, readKernelLink } from "../host/by_sh.ts";

/** What holds a running VM's process, as the kernel tells it: nothing that the process could say of itself. */
export interface JailFacts {
  /** The kinds of namespaces that are its own, such as `mnt` and `net`. */
  namespaces: string[];
  /** Whether no program that it could execute would give it more rights. */
  noNewPrivileges: boolean;
  /** How many filters of system calls it is under. */
  seccompFilters: number;
  /** Its control group. */
  cgroup: string;
}

const NAMESPACES = ["ipc", "mnt", "net", "user", "uts"];

/** What holds the process with that id; `undefined` when it is gone. */
export function jailFacts(pid: number): JailFacts | undefined {
  try {
    const status = readKernelFile(`/proc/${pid}/status`);
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1];
    const [, cgroup = "/"] = /^0::(.*)$/m.exec(readKernelFile(`/proc/${pid}/cgroup`)) ?? [];
    return {
      namespaces: NAMESPACES.filter((kind) => namespaceOf(pid, kind) !== namespaceOf("self", kind)),
      noNewPrivileges: field("NoNewPrivs") === "1",
      // Older kernels than 5.9 do not count them.
      seccompFilters: Number(field("Seccomp_filters") ?? (field("Seccomp") === "2" ? 1 : 0)),
      cgroup,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Whether the process with that id is in a jail. One without has a user namespace too where its user is not root, and a
 * filter where its guest has the network, but never an IPC namespace.
 */
export function isJailed(pid: number): boolean {
  if (Deno.build.os !== "linux") return false;
  const facts = jailFacts(pid);
  return facts !== undefined && facts.namespaces.includes("ipc") && facts.seccompFilters > 0;
}

function namespaceOf(pid: number | "self", kind: string): string {
  return readKernelLink(`/proc/${pid}/ns/${kind}`);
}

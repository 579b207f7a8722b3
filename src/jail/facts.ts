import { readKernelFile, readKernelLink } from "../host/by_sh.ts";

/** How a running VM's process is confined, as reported by the kernel: the process cannot fake it. */
export interface JailFacts {
  /** The kinds of namespaces that it does not share with this process, such as `mnt` and `net`. */
  namespaces: string[];
  /** Whether executing a program cannot give it more privileges (`no_new_privs`). */
  noNewPrivileges: boolean;
  /** The number of its seccomp filters. */
  seccompFilters: number;
  /** Its cgroup. */
  cgroup: string;
}

const NAMESPACES = ["ipc", "mnt", "net", "user", "uts"];

/** How the process with that id is confined; `undefined` when it is gone. */
export function jailFacts(pid: number): JailFacts | undefined {
  try {
    const status = readKernelFile(`/proc/${pid}/status`);
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1];
    const [, cgroup = "/"] = /^0::(.*)$/m.exec(readKernelFile(`/proc/${pid}/cgroup`)) ?? [];
    return {
      namespaces: NAMESPACES.filter((kind) => namespaceOf(pid, kind) !== namespaceOf("self", kind)),
      noNewPrivileges: field("NoNewPrivs") === "1",
      // Kernels before 5.9 do not count them.
      seccompFilters: Number(field("Seccomp_filters") ?? (field("Seccomp") === "2" ? 1 : 0)),
      cgroup,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Whether the process with that id is in a jail. A process without a jail may also have a user namespace (if its user
 * is not root) and a filter (if its guest has a network), but never an IPC namespace.
 */
export function isJailed(pid: number): boolean {
  if (Deno.build.os !== "linux") return false;
  const facts = jailFacts(pid);
  return facts !== undefined && facts.namespaces.includes("ipc") && facts.seccompFilters > 0;
}

function namespaceOf(pid: number | "self", kind: string): string {
  return readKernelLink(`/proc/${pid}/ns/${kind}`);
}

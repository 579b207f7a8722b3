import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";

/** What is read of a bundle's `config.json`; the rest is passed on unread. Names are the OCI runtime specification's. */
export interface OciConfig {
  process: OciProcess;
  root: { path: string; readonly?: boolean };
  mounts?: OciMount[];
  hostname?: string;
  annotations?: Record<string, string>;
  linux: OciLinux;
  [other: string]: unknown;
}

/** What is read of `process`, which `exec` is given as a file of its own. */
export interface OciProcess {
  /** The program and its arguments: at least one. */
  args: string[];
  env?: string[];
  cwd: string;
  terminal?: boolean;
  user?: { uid?: number; gid?: number; umask?: number; additionalGids?: number[] };
  capabilities?: Partial<Record<CapabilitySet, string[]>>;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges?: boolean;
  [other: string]: unknown;
}

/** The sets of capabilities of a process. */
export type CapabilitySet = "bounding" | "effective" | "inheritable" | "permitted" | "ambient";

/** Something to be mounted in the container. */
export interface OciMount {
  destination: string;
  source?: string;
  type?: string;
  options?: string[];
}

/** What is read of `linux.resources`. */
export interface OciResources {
  memory?: { limit?: number; swap?: number; [other: string]: unknown };
  cpu?: { quota?: number; period?: number; [other: string]: unknown };
  pids?: { limit?: number };
  devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
  [other: string]: unknown;
}

/** `linux.seccomp`: which system calls a process may make. */
export interface OciSeccomp {
  /** What becomes of a call that no rule is for. */
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls?: { names: string[]; action: string; errnoRet?: number; args?: OciSeccompArgument[] | null }[];
  [other: string]: unknown;
}

/** A condition about an argument of a system call. */
export interface OciSeccompArgument {
  index: number;
  /** Of `SCMP_CMP_MASKED_EQ` the mask. */
  value: number;
  /** Of `SCMP_CMP_MASKED_EQ` the value. */
  valueTwo?: number;
  op: string;
}

/** A range of a user namespace's user or group ids, and what they are outside. */
export interface OciIdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** What is read of `linux`. */
export interface OciLinux {
  uidMappings?: OciIdMapping[];
  gidMappings?: OciIdMapping[];
  namespaces?: { type: string; path?: string }[];
  devices?: { path: string; type: string; major?: number; minor?: number; [other: string]: unknown }[];
  resources?: OciResources;
  seccomp?: OciSeccomp;
  /** By their names with dots. */
  sysctl?: Record<string, string>;
  [other: string]: unknown;
}

/**
 * Reads the configuration of the bundle in that folder.
 *
 * @throws {SmolvmError} `config`.
 */
export function readOciConfig(bundle: string): OciConfig {
  const file = `${bundle}/config.json`;
  const config = readJson(file) as Partial<OciConfig>;
  if (!config.root?.path || !config.process || !config.linux) {
    throw new SmolvmError("config", `Cannot use "${file}": root, process and linux are expected`);
  }
  checkProcess(config.process, file);
  return config as OciConfig;
}

/**
 * Reads the file that describes a process for `exec`.
 *
 * @throws {SmolvmError} `config`.
 */
export function readOciProcess(file: string): OciProcess {
  const process = readJson(file) as OciProcess; // Checked next.
  checkProcess(process, file);
  return process;
}

function checkProcess({ args, cwd }: OciProcess, file: string): void {
  if (!Array.isArray(args) || args.length === 0) {
    throw new SmolvmError("config", `Cannot use "${file}": the process has no args`);
  }
  if (typeof cwd !== "string" || !cwd.startsWith("/")) {
    throw new SmolvmError("config", `Cannot use "${file}": the process's cwd is not absolute`);
  }
}

/**
 * Reads an object.
 *
 * @throws {SmolvmError} `config`.
 */
export function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(Deno.readTextFileSync(file));
    if (typeof value === "object" && value !== null) return value;
    throw new Error("not an object");
  } catch (error) {
    throw new SmolvmError("config", `Cannot read "${file}": ${osReason(error)}`, { cause: error });
  }
}

import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";

/** The fields of a bundle's `config.json` that we read; the others are passed on. See the OCI runtime specification. */
export interface OciConfig {
  process: OciProcess;
  root: { path: string; readonly?: boolean };
  mounts?: OciMount[];
  hostname?: string;
  annotations?: Record<string, string>;
  linux: OciLinux;
  [other: string]: unknown;
}

/** The fields of `process` that we read; `exec` gets `process` as a separate file. */
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

/** A mount of the container. */
export interface OciMount {
  destination: string;
  source?: string;
  type?: string;
  options?: string[];
}

/** The fields of `linux.resources` that we read. */
export interface OciResources {
  memory?: { limit?: number; swap?: number; [other: string]: unknown };
  cpu?: { quota?: number; period?: number; [other: string]: unknown };
  pids?: { limit?: number };
  devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
  [other: string]: unknown;
}

/** `linux.seccomp`: which system calls a process may make. */
export interface OciSeccomp {
  /** The action for calls that no rule matches. */
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls?: { names: string[]; action: string; errnoRet?: number; args?: OciSeccompArgument[] | null }[];
  [other: string]: unknown;
}

/** A condition on an argument of a system call. */
export interface OciSeccompArgument {
  index: number;
  /** The mask for `SCMP_CMP_MASKED_EQ`. */
  value: number;
  /** The value for `SCMP_CMP_MASKED_EQ`. */
  valueTwo?: number;
  op: string;
}

/** Maps a range of user or group ids of a user namespace to ids outside it. */
export interface OciIdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** The fields of `linux` that we read. */
export interface OciLinux {
  uidMappings?: OciIdMapping[];
  gidMappings?: OciIdMapping[];
  namespaces?: { type: string; path?: string }[];
  devices?: { path: string; type: string; major?: number; minor?: number; [other: string]: unknown }[];
  resources?: OciResources;
  seccomp?: OciSeccomp;
  /** Values by the dotted names of the sysctls. */
  sysctl?: Record<string, string>;
  [other: string]: unknown;
}

/**
 * Reads the configuration of a bundle.
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
 * Reads a JSON object from a file.
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

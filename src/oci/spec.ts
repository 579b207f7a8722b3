import { Fields } from "../fields.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { GuestMount } from "../protocol/messages.ts";
import type { OciProcess } from "./config.ts";
import type { ProcessLimits } from "./guest_process.ts";

/** What the process of a container is told by a file: how to run its VM. */
export interface ContainerSpec extends ProcessLimits {
  cpus: number;
  memoryMib: number;
  process: OciProcess;
  /** Whether the guest may not write to its root. */
  readOnly: boolean;
  mounts: GuestMount[];
  /** What the guest may reach by its gateway, as rules. */
  allowNet: string[];
  /** Whether servers in the guest are to be reached at the addresses of this process. */
  listens: boolean;
  /** How long the guest's kernel and agent may take until the agent has said hello, in ms. */
  helloTimeoutMs: number;
  logLevel: LogLevel;
}

// Where things are in the root of a container's process, which has nothing else but smolvm and what that needs.
/** What becomes the guest's first root. */
export const BOOT_FOLDER = "/vm/boot";
/** A file system in memory, with sockets and logs. */
export const RUNTIME_FOLDER = "/vm/run";
/** Of it a container uses what sends pings and what holds signals. */
export const JAIL_PROGRAM = "/vm/smolvm-jail";
/** The file with the specification. */
export const SPEC_FILE = "/vm/container.json";
/** Names in the environment the process that `exec` is to run, as JSON. */
export const EXEC_VARIABLE = "SMOLVM_OCI_PROCESS";

const VERSION = 1;

export function encodeContainerSpec(spec: ContainerSpec): string {
  return JSON.stringify({ version: VERSION, ...spec });
}

/** @throws {SmolvmError} `internal` for a wrong or unknown key. */
export function parseContainerSpec(json: string): ContainerSpec {
  const raw = JSON.parse(json);
  const fields = new Fields(raw, { what: "Container specification", code: "internal" });
  fields.version("version", VERSION);
  fields.object("process");
  fields.objects("mounts");
  const spec: ContainerSpec = {
    cpus: fields.integer("cpus", 1, 255),
    memoryMib: fields.integer("memoryMib", 1, 2 ** 31),
    process: raw.process,
    sysctls: fields.string("sysctls"),
    seccomp: fields.string("seccomp"),
    readOnly: fields.boolean("readOnly"),
    mounts: raw.mounts,
    allowNet: fields.strings("allowNet"),
    listens: fields.boolean("listens"),
    helloTimeoutMs: fields.integer("helloTimeoutMs", 1, 2 ** 31 - 1),
    logLevel: fields.oneOf("logLevel", LOG_LEVELS),
  };
  fields.end();
  return spec;
}

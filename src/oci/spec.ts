import { Fields } from "../fields.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { GuestMount } from "../protocol/messages.ts";
import type { OciProcess } from "./config.ts";
import type { ProcessLimits } from "./guest_process.ts";

/** Tells the process of a container how to run its VM; passed in a file. */
export interface ContainerSpec extends ProcessLimits {
  cpus: number;
  memoryMib: number;
  process: OciProcess;
  /** Whether the guest's root is read-only. */
  readOnly: boolean;
  mounts: GuestMount[];
  /** Rules for what the guest may reach through its gateway. */
  allowNet: string[];
  /** Whether the guest's servers must be reachable at the addresses of this process. */
  listens: boolean;
  /** How long the guest may take to boot until the agent says hello, in ms. */
  helloTimeoutMs: number;
  logLevel: LogLevel;
}

// Paths in the root of a container's process, which otherwise contains only smolvm and the files that smolvm needs.
/** The guest's first root. */
export const BOOT_FOLDER = "/vm/boot";
/** A tmpfs with sockets and logs. */
export const RUNTIME_FOLDER = "/vm/run";
/** The `smolvm-jail` program; a container uses it to send pings and to hold signals. */
export const JAIL_PROGRAM = "/vm/smolvm-jail";
/** The file with the specification. */
export const SPEC_FILE = "/vm/container.json";
/** The environment variable with the process that `exec` must run, as JSON. */
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

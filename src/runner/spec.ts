import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { LogLimits } from "../logs/files.ts";
import type { Exec, WindowSize } from "../protocol/messages.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { type MachineCommand, type MachineRecord, parseRecord } from "../state/machine_record.ts";

/** Everything a runner is told: one line of JSON on its standard input. */
export interface RunnerSpec extends MachineFolders {
  machine: MachineRecord;
  /** Leaves nothing when it has ended. */
  ephemeral: boolean;
  /** Ends with the process that holds the runner's standard input. */
  held: boolean;
  /** Whether that process attaches to the command: it is kept waiting until then, or until that process is gone. */
  attached: boolean;
  /** Folder that is the guest's root, never written to. */
  rootfs: RootfsSpec;
  /** Name servers of the guest; none without network. */
  nameservers: string[];
  /** Size of the terminal that the command runs on; null: it has three pipes. */
  terminal: WindowSize | null;
  /** Whether the command has an input; else it reads `/dev/null`. */
  stdin: boolean;
  /** How much is kept of what the command writes; null: nothing. */
  commandLog: LogLimits | null;
  /** How long the guest's kernel and agent may take until the agent has said hello, in ms. */
  helloTimeoutMs: number;
  /** Detail of the log. */
  logLevel: LogLevel;
}

/** Where the guest's root is: a path, or the variable of the runner's environment in which buildah names it. */
export type RootfsSpec = { path: string } | { variable: string };

/** A socket's path is at most this long, by the size of `sockaddr_un`. */
const MAX_SOCKET_PATH = Deno.build.os === "darwin" ? 103 : 107;

/** The socket that the guest's agent dials. */
export function agentSocket(spec: Pick<RunnerSpec, "runtimeFolder">): string {
  return `${spec.runtimeFolder}/agent.sock`;
}

/** The socket that clients of the machine dial. */
export function controlSocket(spec: Pick<RunnerSpec, "runtimeFolder">): string {
  return `${spec.runtimeFolder}/control.sock`;
}

/**
 * Refuses a folder in which no socket can be made.
 *
 * @throws {SmolvmError} `storage`.
 */
export function checkSocketPath(spec: Pick<RunnerSpec, "runtimeFolder">): void {
  const socket = controlSocket(spec);
  if (new TextEncoder().encode(socket).length <= MAX_SOCKET_PATH) return;
  throw new SmolvmError("storage", `Cannot create the socket "${socket}": longer than ${MAX_SOCKET_PATH} bytes`, {
    hint: "Set XDG_RUNTIME_DIR to a shorter path.",
  });
}

/**
 * Where a runner builds its guest's boot folder. With mount namespaces it is one empty folder for all, over which each
 * mounts its own: whoever removes a machine's folder must meet no mount in it, and so no volume of the user's.
 */
export function bootFolder({ folder, runtimeFolder }: Pick<RunnerSpec, "folder" | "runtimeFolder">): string {
  if (Deno.build.os !== "linux") return `${folder}/boot`;
  return `${runtimeFolder.slice(0, runtimeFolder.lastIndexOf("/"))}/boot`;
}

/** A command as the guest is told to run it, on a terminal of that size if it has one. */
export function execOf(
  { argv, env, cwd, user }: Pick<MachineCommand, "argv" | "env" | "cwd" | "user">,
  { terminal, stdin }: { terminal: WindowSize | null; stdin: boolean },
): Exec {
  // As docker has it: what a terminal is, unless somebody knows better.
  const term = terminal !== null && !env.some((variable) => variable.startsWith("TERM=")) ? ["TERM=xterm"] : [];
  return { argv, env: [...env, ...term], cwd, user, tty: terminal ?? undefined, stdin };
}

/**
 * Refuses resources that libkrun would narrow silently or that its kernel cannot boot with.
 *
 * @throws {SmolvmError} `usage`.
 */
export function checkResources({ cpus, memoryMib }: { cpus: number; memoryMib: number }): void {
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
    throw new SmolvmError("usage", `Cannot give the machine ${cpus} CPUs: expected 1 to ${MAX_CPUS}`);
  }
  if (!Number.isInteger(memoryMib) || memoryMib < MIN_MEMORY_MIB || memoryMib > MAX_MEMORY_MIB) {
    throw new SmolvmError(
      "usage",
      `Cannot give the machine ${memoryMib} MiB of memory: expected ${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB} MiB`,
    );
  }
  // The firmware's place below 4 GiB: with this much memory libkrun lays it over the guest's.
  if (Deno.build.arch === "x86_64" && memoryMib >= 3260 && memoryMib <= 3328) {
    throw new SmolvmError(
      "usage",
      `Cannot give the machine ${memoryMib} MiB of memory: libkrun fails at 3260 to 3328 MiB`,
      {
        hint: "Take less than 3260 or more than 3328 MiB.",
      },
    );
  }
}

/**
 * Parses what a runner is told.
 *
 * @throws {SmolvmError} `internal` for a wrong or unknown key; `usage` for resources out of range.
 */
export function parseRunnerSpec(json: string): RunnerSpec {
  const fields = new Fields(JSON.parse(json), { what: "Runner specification", code: "internal" });
  const spec: RunnerSpec = {
    machine: parseRecord(fields.object("machine")),
    folder: fields.string("folder"),
    runtimeFolder: fields.string("runtimeFolder"),
    ephemeral: fields.boolean("ephemeral"),
    held: fields.boolean("held"),
    attached: fields.boolean("attached"),
    rootfs: parseRootfs(fields.object("rootfs")),
    nameservers: fields.strings("nameservers"),
    terminal: fields.has("terminal") ? parseWindowSize(fields.object("terminal")) : null,
    stdin: fields.boolean("stdin"),
    commandLog: fields.has("commandLog") ? parseLogLimits(fields.object("commandLog")) : null,
    helloTimeoutMs: fields.integer("helloTimeoutMs", 1, 2 ** 31 - 1),
    logLevel: fields.oneOf("logLevel", LOG_LEVELS),
  };
  fields.end();
  checkResources(spec.machine);
  checkSocketPath(spec);
  return spec;
}

function parseRootfs(fields: Fields): RootfsSpec {
  const rootfs = fields.has("path") ? { path: fields.string("path") } : { variable: fields.string("variable") };
  fields.end();
  return rootfs;
}

function parseWindowSize(fields: Fields): WindowSize {
  const size = { rows: fields.integer("rows", 0, 65_535), columns: fields.integer("columns", 0, 65_535) };
  fields.end();
  return size;
}

function parseLogLimits(fields: Fields): LogLimits {
  const maxBytes = fields.integer("maxBytes", 1, Number.MAX_SAFE_INTEGER);
  const limits = { maxBytes, maxFiles: fields.integer("maxFiles", 1, Number.MAX_SAFE_INTEGER) };
  fields.end();
  return limits;
}

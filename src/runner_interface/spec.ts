import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { dirname } from "../host/path.ts";
import { checkResources } from "../host/vm_limits.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { LogLimits } from "../logs/files.ts";
import { AGENT_TOOL, type Exec, type WindowSize } from "../protocol/messages.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { type MachineCommand, type MachineRecord, parseRecord } from "../state/machine_record.ts";

/** A runner's specification: one line of JSON on its standard input. */
export interface RunnerSpec extends MachineFolders {
  machine: MachineRecord;
  /** Whether all files of the machine are removed when it has ended. */
  ephemeral: boolean;
  /** Whether the machine ends with the process that holds the runner's standard input open. */
  held: boolean;
  /** Whether the runner must enter its jail. */
  isJailed: boolean;
  /**
   * How a warm machine waits for a client; null: it is not a warm machine. A warm machine's command and names are
   * placeholders, and so is its root unless it is an image. The runner chooses its id and its folders.
   */
  warm: WarmSpec | null;
  /** Whether the client attaches to the command. The command's output waits until then, or until the client is gone. */
  attached: boolean;
  /** The folder of the guest's root. Nothing writes to it. */
  rootfs: RootfsSpec;
  /** Name servers that the gateway queries; empty without a network. */
  nameservers: string[];
  /** The networks of machines that the machine is in. */
  networks: NetworkSpec[];
  /** The command of the machine's gateway; empty without one. */
  gateway: string[];
  /** Size of the command's terminal; null: the command has three pipes. */
  terminal: WindowSize | null;
  /** Whether the command has an input; otherwise it reads `/dev/null`. */
  stdin: boolean;
  /** How much of the command's output to log; null: nothing. */
  commandLog: LogLimits | null;
  /** How long the guest may take to boot until its agent sends HELLO, in ms. */
  helloTimeoutMs: number;
  /** Detail of the log. */
  logLevel: LogLevel;
}

/** A network of machines. */
export interface NetworkSpec {
  name: string;
  /** The folder with the sockets of its machines' gateways. */
  folder: string;
  /** Its address range. */
  subnet: string;
}

/** How a warm machine waits for a client: see `src/state/warm.ts`. */
export interface WarmSpec {
  /** Properties of the host that must match those of the client, in addition to the machine's size. */
  host: string;
  /** The maximum number of warm machines with the same size and host: a further one exits instead of waiting. */
  most: number;
  /** How long it waits, in seconds. */
  idleS: number;
  /** The mount id of the root of the processes that may take it. */
  rootMount: number;
  /** A value that changes with every mount in such a process's mount namespace. */
  mounts: string;
}

/** Where the guest's root is: a path, or the variable of the runner's environment in which buildah names it. */
export type RootfsSpec = { path: string } | { variable: string };

const VERSION = 1;

/** The maximum length of a socket's path in bytes, from the size of `sockaddr_un`. */
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
 * Refuses a folder whose path is too long for sockets.
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
 * Where a runner builds its guest's boot folder. With mount namespaces this is one empty folder for all runners, over
 * which each mounts its own. A process that removes a machine's folder must not find a mount of a user's volume in it.
 */
export function bootFolder({ folder, runtimeFolder }: Pick<RunnerSpec, "folder" | "runtimeFolder">): string {
  if (Deno.build.os !== "linux") return `${folder}/boot`;
  return `${dirname(runtimeFolder)}/boot`;
}

/**
 * The path of the guest's root in this process's mount namespace.
 *
 * @throws {SmolvmError} `image`.
 */
export function rootfsPath(rootfs: RootfsSpec): string {
  const path = "path" in rootfs ? rootfs.path : Deno.env.get(rootfs.variable);
  if (path === undefined) {
    throw new SmolvmError("image", "Cannot find the mounted image: buildah did not name its folder");
  }
  return path;
}

/** The message that makes the guest run a machine's own command. */
export function mainExecOf({ machine: { command, init }, ...streams }: RunnerSpec): Exec {
  const argv = init ? [AGENT_TOOL, "init", ...command.argv] : command.argv;
  return { ...execOf({ ...command, argv }, streams), makeCwd: true, pid1: true };
}

/** The message that makes the guest run a further command, on a terminal of that size unless it is null. */
export function execOf(
  { argv, env, cwd, user }: Pick<MachineCommand, "argv" | "env" | "cwd" | "user">,
  { terminal, stdin }: { terminal: WindowSize | null; stdin: boolean },
): Exec {
  // Like docker: set TERM for a terminal, unless the user has set it.
  const term = terminal !== null && !env.some((variable) => variable.startsWith("TERM=")) ? ["TERM=xterm"] : [];
  return { argv, env: [...env, ...term], cwd, makeCwd: false, pid1: false, user, tty: terminal ?? undefined, stdin };
}

/** Encodes a specification for the runner's standard input. */
export function encodeRunnerSpec(spec: RunnerSpec): string {
  return JSON.stringify({ version: VERSION, ...spec });
}

/**
 * Parses a specification. It may come from a client that was started before smolvm was upgraded.
 *
 * @throws {SmolvmError} `internal` for a wrong or unknown key; `usage` for resources out of range.
 */
export function parseRunnerSpec(json: string): RunnerSpec {
  const fields = new Fields(JSON.parse(json), { what: "Runner specification", code: "internal" });
  fields.version("version", VERSION);
  const spec: RunnerSpec = {
    machine: parseRecord(fields.object("machine")),
    folder: fields.string("folder"),
    runtimeFolder: fields.string("runtimeFolder"),
    ephemeral: fields.boolean("ephemeral"),
    held: fields.boolean("held"),
    isJailed: fields.boolean("isJailed"),
    warm: fields.has("warm") ? parseWarm(fields.object("warm")) : null,
    attached: fields.boolean("attached"),
    rootfs: parseRootfs(fields.object("rootfs")),
    nameservers: fields.strings("nameservers"),
    networks: fields.objects("networks").map(parseNetwork),
    gateway: fields.strings("gateway"),
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

function parseNetwork(fields: Fields): NetworkSpec {
  const network = {
    name: fields.string("name"),
    folder: fields.string("folder"),
    subnet: fields.string("subnet"),
  };
  fields.end();
  return network;
}

function parseWarm(fields: Fields): WarmSpec {
  const warm = {
    host: fields.string("host"),
    most: fields.integer("most", 1, Number.MAX_SAFE_INTEGER),
    idleS: fields.integer("idleS", 1, Number.MAX_SAFE_INTEGER),
    rootMount: fields.integer("rootMount", 1, Number.MAX_SAFE_INTEGER),
    mounts: fields.string("mounts"),
  };
  fields.end();
  return warm;
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

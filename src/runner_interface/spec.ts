import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { dirname } from "../host/path.ts";
import { checkResources } from "../host/vm_limits.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { LogLimits } from "../logs/files.ts";
import { AGENT_TOOL, type Exec, type WindowSize } from "../protocol/messages.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { type MachineCommand, type MachineRecord, parseRecord } from "../state/machine_record.ts";

/** Everything a runner is told: one line of JSON on its standard input. */
export interface RunnerSpec extends MachineFolders {
  machine: MachineRecord;
  /** Leaves nothing when it has ended. */
  ephemeral: boolean;
  /** Ends with the process that holds the runner's standard input. */
  held: boolean;
  /** Whether it is to get into its jail. */
  isJailed: boolean;
  /**
   * How it waits for who takes it, if it does: its command and its names are those of nothing then, as its root is
   * unless that is an image, and its id and its folders its own choice.
   */
  warm: WarmSpec | null;
  /** Whether that process attaches to the command: it is kept waiting until then, or until that process is gone. */
  attached: boolean;
  /** Folder that is the guest's root, never written to. */
  rootfs: RootfsSpec;
  /** Name servers that its gateway asks; none without network. */
  nameservers: string[];
  /** The networks of machines that it is in. */
  networks: NetworkSpec[];
  /** The command that is the gateway of a machine with network; else empty. */
  gateway: string[];
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

/** A network of machines. */
export interface NetworkSpec {
  name: string;
  /** The folder with the sockets of its machines' gateways. */
  folder: string;
  /** The range of its addresses. */
  subnet: string;
}

/** How a machine waits that boots before anybody wants one: see `src/state/warm.ts`. */
export interface WarmSpec {
  /** What who takes it must agree in beside its size. */
  host: string;
  /** How many of its size and host there are at most: one more ends instead of waiting. */
  most: number;
  /** How long it waits, in seconds. */
  idleS: number;
  /** Id of the mount that is the root of who may take it. */
  rootMount: number;
  /** What changes with every mount of that process. */
  mounts: string;
}

/** Where the guest's root is: a path, or the variable of the runner's environment in which buildah names it. */
export type RootfsSpec = { path: string } | { variable: string };

const VERSION = 1;

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
 * mounts its own: a process that removes a machine's folder must find no mount in it, and so no volume of the user's.
 */
export function bootFolder({ folder, runtimeFolder }: Pick<RunnerSpec, "folder" | "runtimeFolder">): string {
  if (Deno.build.os !== "linux") return `${folder}/boot`;
  return `${dirname(runtimeFolder)}/boot`;
}

/**
 * The folder that is the guest's root, as this process sees it.
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

/** A machine's own command as the guest is told to run it. */
export function mainExecOf({ machine: { command, init }, ...streams }: RunnerSpec): Exec {
  const argv = init ? [AGENT_TOOL, "init", ...command.argv] : command.argv;
  return { ...execOf({ ...command, argv }, streams), makeCwd: true, pid1: true };
}

/** A command beside the machine's own as the guest is told to run it, on a terminal of that size if it has one. */
export function execOf(
  { argv, env, cwd, user }: Pick<MachineCommand, "argv" | "env" | "cwd" | "user">,
  { terminal, stdin }: { terminal: WindowSize | null; stdin: boolean },
): Exec {
  // As docker has it: what a terminal is, unless somebody knows better.
  const term = terminal !== null && !env.some((variable) => variable.startsWith("TERM=")) ? ["TERM=xterm"] : [];
  return { argv, env: [...env, ...term], cwd, makeCwd: false, pid1: false, user, tty: terminal ?? undefined, stdin };
}

/** What a client tells a runner. */
export function encodeRunnerSpec(spec: RunnerSpec): string {
  return JSON.stringify({ version: VERSION, ...spec });
}

/**
 * Parses what a runner is told. A client that was started before smolvm was upgraded tells it as it did before.
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

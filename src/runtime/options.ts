import { readConfig } from "../config/config.ts";
import * as values from "../config/values.ts";
import { SmolvmError } from "../errors.ts";
import type { MachineOptions as Description, PortSpec, VolumeSpec } from "../machine/describe.ts";
import type { Phase, WindowSize } from "../machine/launch.ts";
import type { ExecOptions } from "../machine/exec.ts";
import type { MachineChanges } from "../machine/update.ts";
import { AGENT_TOOL } from "../protocol/messages.ts";

/** A command: its arguments, or a line for the guest's `/bin/sh -c`. */
export type CommandLine = string | readonly string[];

/** A folder of the host in a machine. */
export interface Volume {
  /** Folder of the host; a relative one is relative to the working directory. */
  source: string;
  /** Absolute path in the guest, created when missing. */
  target: string;
  /** Whether the host's kernel refuses the guest's writes; default: no. */
  readOnly?: boolean;
}

/** A TCP port of a machine's guest behind one of the host. */
export interface PublishedPort {
  /** Port of the guest. */
  guestPort: number;
  /** Port of the host; one that is free now when absent: see {@linkcode MachineInfo.ports}. */
  hostPort?: number;
  /** IP address of the host; default: 127.0.0.1. */
  address?: string;
}

/** What a machine is, but for its source and its command. What is left out is as for `smolvm create`. */
export interface MachineSettings {
  /** Name, unique among machines; generated when absent. */
  name?: string | undefined;
  /** Virtual CPUs; default: the configuration's, else 1. */
  cpus?: number | undefined;
  /** Memory in MiB; default: the configuration's, else 512. */
  memoryMib?: number | undefined;
  /** Size of its disk in bytes, of which only what is written takes space on the host; default: 10 GiB. */
  diskBytes?: number | undefined;
  /** Working directory in the guest, created when missing; default: the image's. */
  workdir?: string | undefined;
  /** Variables of its commands, beside the image's. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Folders of the host. */
  volumes?: readonly Volume[] | undefined;
  /** TCP ports, which need no `net`. */
  ports?: readonly PublishedPort[] | undefined;
  /** Whether it has the host's network, the host's own loopback services included; default: no network at all. */
  net?: boolean | undefined;
  /** IP address of its name server, with `net`; default: the configuration's, else the host's. */
  dns?: string | undefined;
  /** `name|uid[:group|gid]` in the guest; default: the image's. */
  user?: string | undefined;
  /** Replaces the image's entrypoint; an empty text: none. */
  entrypoint?: string | undefined;
  /** Host name in the guest; default: the machine's name. */
  hostname?: string | undefined;
  /** When to ask the registry for the image; default: `missing`. */
  pull?: "always" | "missing" | "never" | undefined;
  /** Whether the registry must show a valid certificate; default: what buildah's configuration says. */
  tlsVerify?: boolean | undefined;
  /** What a source that is a relative path is relative to; default: the working directory. */
  sourceFolder?: string | undefined;
  /** Is given what buildah says while it pulls. */
  onPullProgress?: ((chunk: Uint8Array) => void) | undefined;
  /** Is told what making and starting it is at; nothing of what was done before. */
  onPhase?: ((phase: Phase) => void) | undefined;
}

/** A machine to be made. */
export interface MachineOptions extends MachineSettings {
  /** A folder that exists, or an image reference. */
  source: string;
  /** What it runs at each start. Left out, it idles, for `exec()`; an empty list stands for what the image says. */
  command?: CommandLine | undefined;
  /** Whether its command runs on a terminal, for `attach()`. */
  tty?: boolean | undefined;
  /** Whether its command has an input, for `attach()`. */
  stdin?: boolean | undefined;
  /**
   * Whether it ends, and leaves nothing, with the object that `create()` returns or with this process; `detached`: only
   * with its command, or when it is stopped.
   */
  ephemeral?: boolean | "detached" | undefined;
  /** Whether it is started next: what keeps this host from it is then told before anything is pulled or made. */
  boots?: boolean | undefined;
  /** Gives up making it. */
  signal?: AbortSignal | undefined;
}

/** A command beside the machine's own, of which it has what is left out. */
export interface CommandOptions {
  /** Variables, beside the machine's own. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Working directory in the guest, created when missing. */
  workdir?: string | undefined;
  /** `name|uid[:group|gid]` in the guest. */
  user?: string | undefined;
  /** Runs it on a terminal of that size. */
  terminal?: WindowSize | undefined;
}

/** What is to be changed of a machine; removals come first. */
export interface MachineUpdate extends Pick<MachineSettings, "cpus" | "memoryMib" | "workdir"> {
  /** Variables to set. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Keys of variables to remove. */
  removeEnv?: readonly string[] | undefined;
  /** Folders of the host to mount. */
  volumes?: readonly Volume[] | undefined;
  /** Where volumes to remove are in the guest. */
  removeVolumes?: readonly string[] | undefined;
  /** TCP ports to publish. */
  ports?: readonly PublishedPort[] | undefined;
  /** Ports of the guest that are no longer published. */
  removePorts?: readonly number[] | undefined;
}

const BOOT_TIMEOUT_MS = 60_000;
/** The longest that a timer of the platform can be set to. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** A command that does nothing, as root: what runs beside it is as the image says. */
const IDLE = { command: [AGENT_TOOL, "idle"], entrypoint: "" };

/** A machine as the functions behind this module take it, with the user's configuration for what is left out. */
export async function describe(options: MachineOptions): Promise<Description> {
  const { command, entrypoint, env = {}, volumes = [], ports = [], net = false, dns } = options;
  if (command === undefined && entrypoint !== undefined) {
    throw new SmolvmError("usage", "Cannot use entrypoint without command: the machine idles");
  }
  if (dns !== undefined && !net) {
    throw new SmolvmError("usage", "Cannot use dns without net: the guest has no network");
  }
  const config = await readConfig();
  return {
    source: options.source,
    sourceFolder: options.sourceFolder,
    ...command === undefined ? IDLE : { command: argumentsOf(command), entrypoint },
    name: options.name,
    cpus: options.cpus ?? config.defaultCpus,
    memoryMib: options.memoryMib ?? config.defaultMem,
    diskBytes: options.diskBytes,
    workdir: check("workdir", options.workdir, values.parseWorkdir),
    env: variablesOf(env),
    volumes: volumes.map(toVolume),
    ports: ports.map(toPort),
    net,
    dns: check("dns", dns, values.parseNameserver) ?? config.defaultDns,
    user: check("user", options.user, values.parseUser),
    hostname: check("hostname", options.hostname, values.parseHostname),
    pull: options.pull ?? "missing",
    tlsVerify: options.tlsVerify,
    onPullProgress: options.onPullProgress,
    onPhase: options.onPhase,
    signal: options.signal,
    tty: options.tty ?? false,
    stdin: options.stdin ?? false,
  };
}

/** Changes as the functions behind this module take them. */
export function describeUpdate({ env = {}, volumes = [], ports = [], ...changes }: MachineUpdate): MachineChanges {
  return {
    cpus: changes.cpus,
    memoryMib: changes.memoryMib,
    workdir: check("workdir", changes.workdir, values.parseWorkdir),
    env: variablesOf(env),
    envRm: [...changes.removeEnv ?? []],
    volumes: volumes.map(toVolume),
    volumeRm: [...changes.removeVolumes ?? []],
    ports: ports.map(toPort),
    portRm: [...changes.removePorts ?? []],
  };
}

function toVolume({ source, target, readOnly = false }: Volume): VolumeSpec {
  return { source, target: checked("volume", target, values.parseMountPoint), readOnly };
}

function toPort({ address = "127.0.0.1", hostPort = 0, guestPort }: PublishedPort): PortSpec {
  return {
    address: checked("address", address, values.parseAddress),
    hostPort: hostPort === 0 ? 0 : checked("port", `${hostPort}`, values.parsePortNumber),
    guestPort: checked("port", `${guestPort}`, values.parsePortNumber),
  };
}

/** Another command as the functions behind this module take it. */
export function describeCommand(
  command: CommandLine,
  { env = {}, workdir, user, terminal }: CommandOptions,
): Omit<ExecOptions, "stdin"> {
  const argv = argumentsOf(command);
  if (argv.length === 0) throw new SmolvmError("usage", "Cannot run a command without arguments");
  return {
    argv,
    env: variablesOf(env),
    cwd: check("workdir", workdir, values.parseWorkdir),
    user: check("user", user, values.parseUser),
    terminal,
  };
}

/**
 * How long a guest may take to boot, in whole ms: 60 s unless somebody says otherwise.
 *
 * @throws {SmolvmError} `usage` for what is no time, or more than 24 days.
 */
export function bootTimeout(timeoutMs = BOOT_TIMEOUT_MS): number {
  return Math.max(1, checkTimeout("bootTimeoutMs", timeoutMs));
}

/**
 * A time in ms, as a whole number.
 *
 * @throws {SmolvmError} like {@linkcode bootTimeout}.
 */
export function checkTimeout(what: string, timeoutMs: number): number {
  if (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MAX_MS) return Math.round(timeoutMs);
  throw new SmolvmError("usage", `Cannot use ${what} ${timeoutMs}: expected 0 to ${TIMEOUT_MAX_MS}`);
}

function argumentsOf(command: CommandLine): string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
  const wrong = argv.find((argument) => argument.includes("\0"));
  if (wrong === undefined) return argv;
  throw new SmolvmError("usage", `Cannot use the argument ${JSON.stringify(wrong)}: expected no NUL`);
}

/** `KEY=VALUE` each. */
function variablesOf(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => {
    if (key.includes("=")) throw new SmolvmError("usage", `Cannot use env "${key}": a key has no "="`);
    return checked("env", `${key}=${value}`, values.parseVariable)[0]!;
  });
}

/** @throws {SmolvmError} `usage` for what cannot be parsed. */
function checked<T>(what: string, value: string, parse: (text: string) => T): T {
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof values.InvalidValueError)) throw error;
    const reason = error.message.replace(/^./, (first) => first.toLowerCase()).replace(/\.$/, "");
    throw new SmolvmError("usage", `Cannot use ${what} ${JSON.stringify(value)}: ${reason}`, { cause: error });
  }
}

function check<T>(what: string, value: string | undefined, parse: (text: string) => T): T | undefined {
  return value === undefined ? undefined : checked(what, value, parse);
}

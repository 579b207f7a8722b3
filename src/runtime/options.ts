import { readConfig } from "../config/config.ts";
import { checkNetworkNeeds } from "../config/network_needs.ts";
import * as values from "../config/values.ts";
import { SmolvmError } from "../errors.ts";
import type { DescribeOptions, PortSpec, VolumeSpec } from "../machine/describe.ts";
import type { Phase, WindowSize } from "../machine/launch.ts";
import type { MachineChanges } from "../machine/update.ts";
import type { KeepWarmOptions } from "../machine/warm.ts";
import { AGENT_TOOL } from "../protocol/messages.ts";
import type { StartExecOptions } from "../requests/exec.ts";
import { BOOT_TIMEOUT_MS, MAX_WARM } from "../state/machine_record.ts";

/** A command: its arguments, or a line for the guest's `/bin/sh -c`. */
export type CommandLine = string | readonly string[];

/** A folder of the host that is mounted in the guest. */
export interface Volume {
  /** Folder of the host; a relative path is relative to the working directory. */
  source: string;
  /** Absolute path in the guest, created when missing. */
  target: string;
  /** Whether the host's kernel refuses the guest's writes; default: false. */
  readOnly?: boolean;
}

/** A port of the guest that is published on the host. */
export interface PublishedPort {
  /** The protocol; default: `tcp`. */
  protocol?: "tcp" | "udp";
  /** Port of the guest. */
  guestPort: number;
  /** Port of the host; default: a free port, which {@linkcode MachineInfo.ports} shows. */
  hostPort?: number;
  /** IP address of the host; default: 127.0.0.1. */
  address?: string;
}

/** A secret of the host that the guest may use but never sees. */
export interface Secret {
  /** The variable in the guest, which contains a placeholder. */
  name: string;
  /** The hosts that receive the secret in place of the placeholder, in HTTPS headers: names, or `*.name`. */
  hosts: readonly string[];
  /** Where to read its value at each start: a variable of this process, or a file of the host. */
  source: { env: string } | { file: string };
}

/** The settings of a machine without its source and its command. The defaults are those of `smolvm create`. */
export interface MachineSettings {
  /** Name, unique among machines; default: generated. */
  name?: string | undefined;
  /** Virtual CPUs; default: the configuration's, otherwise 1. */
  cpus?: number | undefined;
  /** Memory in MiB; default: the configuration's, otherwise 512. */
  memoryMib?: number | undefined;
  /** Size of its disk in bytes; only written blocks take space on the host. Default: 10 GiB. */
  diskBytes?: number | undefined;
  /** Working directory in the guest, created when missing; default: the image's. */
  workdir?: string | undefined;
  /** Environment variables of its commands, in addition to the image's. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Folders of the host. */
  volumes?: readonly Volume[] | undefined;
  /** Ports to publish; they do not need `net`. */
  ports?: readonly PublishedPort[] | undefined;
  /** Whether it can reach the public internet or `allowNet`; default: true with `allowNet`, otherwise false. */
  net?: boolean | undefined;
  /**
   * The only destinations that it may reach: `name`, `*.name`, `10.0.0.0/8`, `2001:db8::/32`, `public`, `private` or
   * `host` (the host's loopback interface, at the gateway's address), each optionally with `:port`, such as
   * `[2001:db8::/32]:443`.
   */
  allowNet?: readonly string[] | undefined;
  /** Destinations that it may not reach, in the same form; they override `allowNet`. */
  denyNet?: readonly string[] | undefined;
  /** Bytes per second that its network carries in each direction, at least 1024; default: unlimited. */
  netLimitBytes?: number | undefined;
  /** The maximum number of open outgoing TCP connections; default: 4096. */
  netConnections?: number | undefined;
  /** Secrets that it may use; they require a network and are never in the guest. */
  secrets?: readonly Secret[] | undefined;
  /** The networks that it joins, at most 16; the machines in a network reach each other by name and address. */
  networks?: readonly string[] | undefined;
  /** Additional names by which the machines in these networks find it. */
  networkAliases?: readonly string[] | undefined;
  /**
   * Whether the process of its VM runs without a jail, for hosts that do not support one. Root in the guest can then
   * access everything on the host that the user can. Default: the configuration's, otherwise false.
   */
  insecureNoJail?: boolean | undefined;
  /** IP address of its name server; requires a network; default: the configuration's, otherwise the host's. */
  dns?: string | undefined;
  /**
   * Whether PID 1 in the guest is a small reaper, which forwards signals to the command and reaps orphaned processes.
   * By default, the command is PID 1; the kernel then drops signals that the command does not handle.
   */
  init?: boolean | undefined;
  /** The user of its commands in the guest: `name|uid[:group|gid]`; default: the image's. */
  user?: string | undefined;
  /** Replaces the image's entrypoint; an empty string removes it. */
  entrypoint?: string | undefined;
  /** Host name in the guest; default: the machine's name. */
  hostname?: string | undefined;
  /** When to ask the registry for the image; default: `missing`. */
  pull?: "always" | "missing" | "never" | undefined;
  /** Whether the registry must show a valid certificate; default: buildah's configuration. */
  tlsVerify?: boolean | undefined;
  /** The folder that a relative source is relative to; default: the working directory. */
  sourceFolder?: string | undefined;
  /** Receives buildah's progress output. */
  onPullProgress?: ((chunk: Uint8Array) => void) | undefined;
  /** Called when a phase of creating or starting it begins; not for phases that are not needed. */
  onPhase?: ((phase: Phase) => void) | undefined;
}

/** Options of a new machine. */
export interface MachineOptions extends MachineSettings {
  /** An existing folder or an image reference. */
  source: string;
  /** The command to run at each start; default: it idles, for `exec()`. An empty list means the image's command. */
  command?: CommandLine | undefined;
  /** Whether its command runs on a terminal, for `attach()`. */
  tty?: boolean | undefined;
  /** Whether its command has a standard input, for `attach()`. */
  stdin?: boolean | undefined;
  /**
   * Whether all its files are removed when it ends. With `true`, it ends at the latest with the object that `create()`
   * returns or with this process; with `detached`, only with its command or when it is stopped.
   */
  ephemeral?: boolean | "detached" | undefined;
  /** Whether it will be started next: fails, before pulling or creating anything, if this host cannot boot it. */
  boots?: boolean | undefined;
  /** Cancels the creation. */
  signal?: AbortSignal | undefined;
}

/** Options of a command besides the machine's own; the defaults are those of the machine's own command. */
export interface CommandOptions {
  /** Environment variables, in addition to the machine's. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Working directory in the guest. */
  workdir?: string | undefined;
  /** The user in the guest: `name|uid[:group|gid]`. */
  user?: string | undefined;
  /** Runs the command on a terminal of this size. */
  terminal?: WindowSize | undefined;
}

/** Changes of a machine; removals are done first. */
export interface MachineUpdate extends Pick<MachineSettings, "cpus" | "memoryMib" | "workdir"> {
  /** Environment variables to set. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Keys of environment variables to remove. */
  removeEnv?: readonly string[] | undefined;
  /** Folders of the host to mount. */
  volumes?: readonly Volume[] | undefined;
  /** The mount points in the guest of volumes to remove. */
  removeVolumes?: readonly string[] | undefined;
  /** Ports to publish. */
  ports?: readonly PublishedPort[] | undefined;
  /** Ports of the guest to publish no longer: `80` or `"80/tcp"`, `"53/udp"`. */
  removePorts?: readonly (number | string)[] | undefined;
}

/** How {@linkcode Machine.warm} keeps warm machines. */
export interface WarmOptions
  extends Pick<MachineSettings, "cpus" | "memoryMib" | "pull" | "tlsVerify" | "onPullProgress" | "onPhase"> {
  /** The only image that they can run; a missing image is pulled. Default: they can run any image or folder. */
  image?: string | undefined;
  /** How long each stays warm if it is not taken, in ms; default: `warm_idle` of the user's configuration. */
  idleMs?: number | undefined;
  /** How long a guest may take to boot, in ms; default: 60 s. */
  bootTimeoutMs?: number | undefined;
}

/** The platform's longest timer. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** A command that does nothing and needs no program of the image. */
const IDLE = { command: [AGENT_TOOL, "idle"], entrypoint: "" };

/** Converts options to those of `machine/`, with defaults of the user's configuration. */
export async function describe(options: MachineOptions): Promise<DescribeOptions> {
  const {
    command,
    entrypoint,
    env = {},
    volumes = [],
    ports = [],
    allowNet = [],
    denyNet = [],
    secrets = [],
    networks = [],
    networkAliases = [],
    dns,
  } = options;
  const net = options.net ?? allowNet.length > 0;
  if (command === undefined && entrypoint !== undefined) {
    throw new SmolvmError("usage", "Cannot use entrypoint without command: the machine idles");
  }
  checkNetworkNeeds({ ...options, net, dns, denyNet, secrets, networks, networkAliases }, (option) => option);
  if (allowNet.length > 0 && !net) throw new SmolvmError("usage", "Cannot use allowNet with net: false");
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
    allowNet,
    denyNet,
    netLimitBytes: check("netLimitBytes", options.netLimitBytes, values.checkRate),
    netConnections: check("netConnections", options.netConnections, values.checkConnections),
    networks: networks.map((name) => checked("networks", name, values.parseNetworkName)),
    networkAliases: networkAliases.map((alias) => checked("networkAliases", alias, values.parseHostname)),
    secrets: secrets.map(({ hosts, ...secret }) => ({ ...secret, hosts: [...hosts] })),
    insecureNoJail: options.insecureNoJail ?? false,
    dns: check("dns", dns, values.parseNameserver) ?? config.defaultDns,
    init: options.init ?? false,
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

/** Converts options of warm machines to those of `machine/`. */
export async function describeWarm(
  count: number,
  { cpus, memoryMib, idleMs, bootTimeoutMs, pull = "missing", ...image }: WarmOptions,
): Promise<KeepWarmOptions> {
  if (!Number.isInteger(count) || count < 0 || count > MAX_WARM) {
    throw new SmolvmError("usage", `Cannot keep ${count} machines warm: expected 0 to ${MAX_WARM}`);
  }
  const config = await readConfig();
  if (count > 0 && config.insecureNoJail) {
    throw new SmolvmError("usage", "Cannot keep machines warm with insecure_no_jail: warm machines always have a jail");
  }
  return {
    count,
    cpus: cpus ?? config.defaultCpus,
    memoryMib: memoryMib ?? config.defaultMem,
    idleS: idleMs === undefined ? config.warmIdle : Math.max(1, Math.ceil(checkTimeout("idleMs", idleMs) / 1000)),
    bootTimeoutMs: bootTimeout(bootTimeoutMs),
    pull,
    ...image,
  };
}

/** Converts changes to those of `machine/`. */
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
    portRm: (changes.removePorts ?? []).map((port) => checked("removePorts", `${port}`, values.parseGuestPort)),
  };
}

function toVolume({ source, target, readOnly = false }: Volume): VolumeSpec {
  return { source, target: checked("volume", target, values.parseMountPoint), readOnly };
}

function toPort({ protocol = "tcp", address = "127.0.0.1", hostPort = 0, guestPort }: PublishedPort): PortSpec {
  return {
    protocol,
    address: checked("address", address, values.parseAddress),
    hostPort: hostPort === 0 ? 0 : checked("port", `${hostPort}`, values.parsePortNumber),
    guestPort: checked("port", `${guestPort}`, values.parsePortNumber),
  };
}

/** Converts a command to the options of `machine/`. */
export function describeCommand(
  command: CommandLine,
  { env = {}, workdir, user, terminal }: CommandOptions,
): Omit<StartExecOptions, "stdin"> {
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
 * The boot time-out in whole ms; default: 60 s.
 *
 * @throws {SmolvmError} `usage` for an invalid time or more than 24 days.
 */
export function bootTimeout(timeoutMs = BOOT_TIMEOUT_MS): number {
  return Math.max(1, checkTimeout("bootTimeoutMs", timeoutMs));
}

/**
 * Checks a time in ms and rounds it.
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

/** Converts variables to `KEY=VALUE` each. */
function variablesOf(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => {
    if (key.includes("=")) throw new SmolvmError("usage", `Cannot use env "${key}": a key has no "="`);
    return checked("env", `${key}=${value}`, values.parseVariable)[0]!;
  });
}

/** @throws {SmolvmError} `usage` for an invalid value. */
function checked<V, T>(what: string, value: V, parse: (value: V) => T): T {
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof values.InvalidValueError)) throw error;
    const reason = error.message.replace(/^./, (first) => first.toLowerCase()).replace(/\.$/, "");
    throw new SmolvmError("usage", `Cannot use ${what} ${JSON.stringify(value)}: ${reason}`, { cause: error });
  }
}

function check<V, T>(what: string, value: V | undefined, parse: (value: V) => T): T | undefined {
  return value === undefined ? undefined : checked(what, value, parse);
}

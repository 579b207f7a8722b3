import { SmolvmError } from "../errors.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { checkResources } from "../host/vm_limits.ts";
import { classifySource, type Source } from "../image/reference.ts";
import { parseRules } from "../network/rules.ts";
import type { MachineRecord, MachineSource, PortSpec, SecretSpec, VolumeSpec } from "../state/machine_record.ts";
import { findNetwork } from "../state/networks.ts";
import { checkName, generateId, generateName } from "../state/names.ts";
import { checkDiskSize, DEFAULT_DISK_BYTES } from "../storage/disk.ts";
import { commandEnvironment, commandLine, isSystemd } from "./command.ts";
import { folderRoot, type ImageOptions, imageRoot, type Root } from "./launch.ts";
import { checkOwnership } from "./ownership.ts";
import { checkPorts, resolvePorts } from "./ports.ts";
import { readSecrets, resolveSecrets, secretEnvironment } from "./secrets.ts";
import { parseSignal } from "../host/signal.ts";
import { resolveVolumes } from "./volume.ts";

/** The maximum number of networks of a machine. */
const MAX_NETWORKS = 16;

export type { PortSpec, VolumeSpec };

/** A machine as the user describes it. */
export interface DescribeOptions extends ImageOptions {
  /** An existing folder or an image reference. */
  source: string;
  /** The folder that a relative source is relative to; default: the working directory. */
  sourceFolder?: string | undefined;
  /** If empty, the image's command. */
  command: string[];
  /** Default: generated. */
  name: string | undefined;
  cpus: number;
  /** In MiB. */
  memoryMib: number;
  /** Size of its disk in bytes; default: 10 GiB. */
  diskBytes?: number | undefined;
  /** Working directory in the guest; default: the image's. */
  workdir: string | undefined;
  /** `KEY=VALUE` each. */
  env: string[];
  volumes: VolumeSpec[];
  /** A host port of 0 stands for any free port. */
  ports: PortSpec[];
  net: boolean;
  /** Rules for the destinations that it may reach; if empty, the public internet. */
  allowNet?: readonly string[] | undefined;
  /** Rules for the destinations that it may not reach. */
  denyNet?: readonly string[] | undefined;
  /** Bytes per second that its network carries in each direction; default: unlimited. */
  netLimitBytes?: number | undefined;
  /** The maximum number of open TCP connections. */
  netConnections?: number | undefined;
  /** Secrets that the guest may use but never sees. */
  secrets?: readonly SecretSpec[] | undefined;
  /** The names of the networks that it joins. */
  networks?: readonly string[] | undefined;
  /** Additional names by which the machines in these networks find it. */
  networkAliases?: readonly string[] | undefined;
  /** Whether the process of its VM runs without a jail. */
  insecureNoJail: boolean;
  /** Name server; default: the host's. */
  dns: string | undefined;
  /** Whether PID 1 in the guest is a reaper instead of the command. */
  init: boolean;
  /** `name|uid[:group|gid]`; default: the image's. */
  user: string | undefined;
  entrypoint: string | undefined;
  /** Default: the machine's name. */
  hostname: string | undefined;
  /** Whether the command runs on a terminal. */
  tty: boolean;
  /** Whether the command has a standard input. */
  stdin: boolean;
}

/** A machine and its opened root filesystem. */
export interface Description {
  machine: MachineRecord;
  root: Root;
}

/**
 * Makes the record of a machine from the user's description; pulls a missing image.
 *
 * @param boots whether the machine boots next, on this host: checks its secrets, its ports and virtualization too
 * @throws {SmolvmError} for any option that cannot be honoured.
 */
export async function describeMachine(options: DescribeOptions, { boots }: { boots: boolean }): Promise<Description> {
  checkResources(options);
  const { diskBytes = DEFAULT_DISK_BYTES } = options;
  checkDiskSize(diskBytes);
  const name = options.name ?? generateName();
  checkName(name);
  const [allowNet, denyNet] = [rulesOf(options.allowNet), rulesOf(options.denyNet)];
  const networks = [...new Set(options.networks)];
  if (networks.length > MAX_NETWORKS) {
    throw new SmolvmError("usage", `Cannot join ${networks.length} networks: at most ${MAX_NETWORKS}`);
  }
  networks.forEach(findNetwork);
  const secrets = resolveSecrets(options.secrets ?? [], options.env);
  const volumes = resolveVolumes(options.volumes);
  const ports = resolvePorts(options.ports);
  const source = classifySource(options.source, options.sourceFolder);
  if (source.kind === "folder") checkFolder(source.path);
  // Check the options before the host, and the host before pulling an image.
  if (boots) {
    readSecrets(secrets);
    await checkPorts({ ports });
    checkVirtualization();
  }
  const { root, resolved } = await openSource(source, options);
  using undo = new DisposableStack();
  undo.use(root);
  const { defaults } = root;
  const hostname = options.hostname ?? name;
  const argv = commandLine(defaults, options);
  const machine: MachineRecord = {
    id: generateId(),
    name,
    created: new Date().toISOString(),
    source: resolved,
    cpus: options.cpus,
    memoryMib: options.memoryMib,
    diskBytes,
    volumes,
    ports,
    net: options.net,
    allowNet,
    denyNet,
    dns: options.dns ?? null,
    netLimitBytes: options.netLimitBytes ?? null,
    netConnections: options.netConnections ?? null,
    secrets,
    networks,
    networkAliases: [...options.networkAliases ?? []],
    hostname,
    command: {
      argv,
      env: commandEnvironment(secretEnvironment(secrets, defaults), { ...options, argv, hostname }),
      cwd: options.workdir ?? (defaults.workingDir || "/"),
      user: options.user ?? defaults.user,
      tty: options.tty,
      stdin: options.stdin,
    },
    insecureNoJail: options.insecureNoJail,
    init: options.init,
    stopSignal: stopSignalOf(defaults.stopSignal, argv),
  };
  undo.move();
  return { machine, root };
}

/** Splits rules into single ones, each as the user wrote it. */
function rulesOf(texts: readonly string[] = []): string[] {
  return parseRules(texts).map(({ text }) => text);
}

/**
 * Refuses a folder that cannot be booted.
 *
 * @throws {SmolvmError} `source`.
 */
export function checkFolder(path: string): void {
  checkOwnership({ path, owner: Deno.statSync(path).uid, uid: Deno.uid(), os: Deno.build.os });
}

async function openSource(source: Source, options: ImageOptions): Promise<{ root: Root; resolved: MachineSource }> {
  if (source.kind === "folder") return { root: folderRoot(source.path), resolved: { folder: source.path } };
  const { root, image } = await imageRoot(source.reference, options);
  return { root, resolved: { image } };
}

function stopSignalOf(name: string, argv: readonly string[]): number {
  // systemd reloads its configuration on SIGTERM.
  if (name === "") return parseSignal(isSystemd(argv) ? "SIGRTMIN+3" : "SIGTERM")!;
  const signal = parseSignal(name);
  if (signal === undefined) {
    throw new SmolvmError("image", `Cannot use the image: its StopSignal "${name}" is not a signal`);
  }
  return signal;
}

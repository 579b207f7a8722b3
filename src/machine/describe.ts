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

/** A machine is in at most as many networks. */
const MAX_NETWORKS = 16;

export type { PortSpec, VolumeSpec };

/** A machine as its user describes it. */
export interface DescribeOptions extends ImageOptions {
  /** An existing folder, or an image reference. */
  source: string;
  /** What a relative one is relative to; the working directory when absent. */
  sourceFolder?: string | undefined;
  /** Empty: what the image says. */
  command: string[];
  /** Generated when absent. */
  name: string | undefined;
  cpus: number;
  /** In MiB. */
  memoryMib: number;
  /** Size of its disk in bytes; 10 GiB when absent. */
  diskBytes?: number | undefined;
  /** Working directory in the guest; the image's when absent. */
  workdir: string | undefined;
  /** `KEY=VALUE` each. */
  env: string[];
  volumes: VolumeSpec[];
  /** A host port of 0 stands for any that is free now. */
  ports: PortSpec[];
  net: boolean;
  /** What it may reach, as rules; the public internet when empty. */
  allowNet?: readonly string[] | undefined;
  /** What it may not, as rules. */
  denyNet?: readonly string[] | undefined;
  /** Bytes per second that its network carries in each direction; any number when absent. */
  netLimitBytes?: number | undefined;
  /** TCP connections that may be open at once. */
  netConnections?: number | undefined;
  /** Secrets that it may use without holding them. */
  secrets?: readonly SecretSpec[] | undefined;
  /** The networks of machines that it is in, by name. */
  networks?: readonly string[] | undefined;
  /** Names beside its own by which the machines of these networks find it. */
  networkAliases?: readonly string[] | undefined;
  /** Whether its VM's process runs without a jail. */
  insecureNoJail: boolean;
  /** Name server; the host's when absent. */
  dns: string | undefined;
  /** Whether a reaper is PID 1 of the guest's processes, and not the command itself. */
  init: boolean;
  /** `name|uid[:group|gid]`; the image's when absent. */
  user: string | undefined;
  entrypoint: string | undefined;
  /** The machine's name when absent. */
  hostname: string | undefined;
  /** Whether the command runs on a terminal. */
  tty: boolean;
  /** Whether the command has an input. */
  stdin: boolean;
}

/** A machine, and its root at hand. */
export interface Description {
  machine: MachineRecord;
  root: Root;
}

/**
 * Works out what a machine is from its user's description; pulls the image when it is missing.
 *
 * @param boots whether it is to boot now, on this host
 * @throws {SmolvmError} for anything in it that cannot be honoured.
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
  // What was asked for is checked before the host is, and the host before a pull.
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

/** Rules one by one, each as it was written. */
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
  // To systemd, SIGTERM says to load its configuration again.
  if (name === "") return parseSignal(isSystemd(argv) ? "SIGRTMIN+3" : "SIGTERM")!;
  const signal = parseSignal(name);
  if (signal === undefined) {
    throw new SmolvmError("image", `Cannot use the image: its StopSignal "${name}" is not a signal`);
  }
  return signal;
}

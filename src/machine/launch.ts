import { SmolvmError } from "../errors.ts";
import { lowOpenFilesLimit } from "../host/open_files.ts";
import { hostNameservers } from "../host/resolver.ts";
import { secretsFile } from "../host/secrets_file.ts";
import { jailPrefix } from "../jail/prefix.ts";
import { dismissSpareRunner } from "../link/spare_runner.ts";
import { log, logLevel } from "../log.ts";
import type { LogLimits } from "../logs/files.ts";
import type { ProgressListener } from "../image/buildah.ts";
import { EMPTY_IMAGE_CONFIG, type ImageConfig } from "../image/config.ts";
import type { PullPolicy } from "../image/prepare.ts";
import type { ImageReference } from "../image/reference.ts";
import { hostsToDeny } from "../network/machine_rules.ts";
import type { SecretValues } from "../network/secret.ts";
import type { WindowSize } from "../protocol/messages.ts";
import { gatewayCommand } from "../runner/entry.ts";
import type { RootfsSpec, RunnerSpec } from "../runner_interface/spec.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import { hasGateway, type MachineRecord, portsOf } from "../state/machine_record.ts";
import { findNetwork, socketsFolder } from "../state/networks.ts";
import { readSecrets } from "./secrets.ts";
import { warnOfSharedVolumes } from "./shared_volumes.ts";

export { ephemeralFolders } from "../state/machine_folders.ts";
export type { WindowSize };

/** What making or starting a machine is at; `load` is from an archive or a folder, and `prepare` all else of an image. */
export type Phase = "pull" | "load" | "prepare" | "boot";
/** Is told what begins. */
export type PhaseListener = (phase: Phase) => void;

/** What a runner is to be started with; to be disposed of once others see the machine. */
export interface Launch extends Disposable {
  spec: RunnerSpec;
  /** The command that stands before the runner's. */
  prefix: readonly string[];
  onPhase: PhaseListener | undefined;
  /** For its gateway alone. */
  secrets: SecretValues | undefined;
}

/** How a machine is run this time. */
export interface LaunchOptions {
  /** Leaves nothing when it has ended. */
  ephemeral: boolean;
  /** Ends with this process. */
  held: boolean;
  /** Whether its process is jailed. */
  isJailed: boolean;
  /** Whether this process attaches to the command. */
  attached: boolean;
  /** Size of the terminal to run on. */
  terminal: WindowSize | undefined;
  stdin: boolean;
  /** How much is kept of what the command writes; nothing when absent. */
  commandLog?: LogLimits | undefined;
  /** How long the guest may take to boot, in ms. */
  bootTimeoutMs: number;
  onPhase?: PhaseListener | undefined;
}

/** A root filesystem, and how a runner gets at it; nobody removes it before it is disposed of. */
export interface Root extends Disposable {
  rootfs: RootfsSpec;
  /** What it says of the command. */
  defaults: ImageConfig;
  /** The command that must stand before all else for the runner to find it; mostly none. */
  prefix: readonly string[];
}

/** What a runner is told to run a machine in that root. */
export function launchOf(machine: MachineRecord, root: Root, folders: MachineFolders, options: LaunchOptions): Launch {
  warnOfSharedVolumes(machine);
  warnOfFewFiles();
  const spec: RunnerSpec = {
    machine,
    ...folders,
    ephemeral: options.ephemeral,
    held: options.held,
    isJailed: options.isJailed,
    warm: null,
    attached: options.attached,
    rootfs: root.rootfs,
    ...networkOf(machine, folders.runtimeFolder),
    terminal: options.terminal ?? null,
    stdin: options.stdin,
    commandLog: options.commandLog ?? null,
    helloTimeoutMs: options.bootTimeoutMs,
    logLevel: logLevel(),
  };
  if (!options.isJailed && Deno.build.os === "linux") {
    log("warn", `The VM of machine "${machine.name}" has no jail: root in its guest can reach what its user can here`);
  }
  const keepsNetwork = portsOf(machine.ports, "tcp").length > 0;
  const prefix = [...root.prefix, ...jailPrefix({ isJailed: options.isJailed, keepsNetwork })];
  const secrets = readSecrets(machine.secrets);
  return { spec, prefix, secrets, onPhase: options.onPhase, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

/** The network as a runner is told of it. */
function networkOf(
  machine: MachineRecord,
  runtimeFolder: string,
): Pick<RunnerSpec, "nameservers" | "networks" | "gateway"> {
  if (!hasGateway(machine)) return { nameservers: [], networks: [], gateway: [] };
  checkNetworkFolder(runtimeFolder);
  const nameservers = !machine.net ? [] : machine.dns === null ? hostNameservers() : [machine.dns];
  const networks = machine.networks.map(findNetwork).map((network) => ({
    name: network.name,
    folder: socketsFolder(network),
    subnet: network.subnet,
  }));
  const files = [
    ...machine.secrets.length > 0 ? [secretsFile(runtimeFolder)] : [],
    ...networks.map(({ folder }) => folder),
  ];
  const published = portsOf(machine.ports, "udp").map(({ address }) => address);
  const deniedHosts = hostsToDeny(machine, { nameservers, published });
  return { nameservers, networks, gateway: gatewayCommand(runtimeFolder, { deniedHosts, files }).argv };
}

function warnOfFewFiles(): void {
  const limit = lowOpenFilesLimit();
  if (limit === undefined) return;
  log(
    "warn",
    `The limit of open files is ${limit}: a guest that uses many files is slow, and can fail with "Too many open files"`,
  );
}

/** Deno opens nothing in these folders for a process that may not do everything, such as a gateway. */
function checkNetworkFolder(runtimeFolder: string): void {
  if (!/^\/(dev|proc|sys)\//.test(runtimeFolder)) return;
  throw new SmolvmError(
    "storage",
    `Cannot give the machine a network: its gateway cannot create a socket in "${runtimeFolder}"`,
    {
      hint: "Set XDG_RUNTIME_DIR to a folder that is not below /dev.",
    },
  );
}

/** A folder of the host as a root. */
export function folderRoot(path: string): Root {
  return {
    rootfs: { path },
    defaults: EMPTY_IMAGE_CONFIG,
    prefix: [],
    [Symbol.dispose]: () => {}, // It is its owner's.
  };
}

/** How an image is got. */
export interface ImageOptions {
  pull: PullPolicy;
  /** Whether the registry must show a certificate; buildah's configuration decides when absent. */
  tlsVerify?: boolean | undefined;
  /** Is given the progress of a pull. */
  onPullProgress?: ProgressListener | undefined;
  onPhase?: PhaseListener | undefined;
  /** Gives a pull up. */
  signal?: AbortSignal | undefined;
}

/**
 * An image as a root, pulled or mounted if need be.
 *
 * @throws {SmolvmError} as `prepareImage` does.
 */
export async function imageRoot(
  reference: ImageReference,
  { pull, tlsVerify, onPullProgress: onProgress, onPhase, signal }: ImageOptions,
) {
  // Folders are run without any of this.
  const { prepareImage } = await import("../image/prepare.ts");
  const image = await prepareImage(reference, { pull, tlsVerify, onProgress, onPhase, signal });
  // What was mounted just now is not in the namespace of a runner that was there before.
  if (!image.cached) await dismissSpareRunner();
  log("debug", `image ${image.reference} is ${image.digest}`);
  const { config: defaults, rootfs, reference: name, imageId, digest, hold } = image;
  const access = rootfs.kind === "mounted"
    ? { rootfs: { path: rootfs.path }, prefix: [] }
    : { rootfs: { variable: rootfs.variable }, prefix: rootfs.command };
  const root: Root = { ...access, defaults, [Symbol.dispose]: () => hold[Symbol.dispose]() };
  return { root, image: { reference: name, imageId, digest } };
}

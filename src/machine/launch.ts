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

/**
 * A phase of creating or starting a machine. `load` reads an image from an archive or a folder; `prepare` is all other
 * work on an image.
 */
export type Phase = "pull" | "load" | "prepare" | "boot";
/** Called when a phase begins. */
export type PhaseListener = (phase: Phase) => void;

/** Everything needed to start a runner. Dispose of it once other processes can see the machine. */
export interface Launch extends Disposable {
  spec: RunnerSpec;
  /** The command to put before the runner's command. */
  prefix: readonly string[];
  onPhase: PhaseListener | undefined;
  /** Only the machine's gateway gets them. */
  secrets: SecretValues | undefined;
}

/** How to run a machine this time. */
export interface LaunchOptions {
  /** Whether all its files are removed when it has ended. */
  ephemeral: boolean;
  /** Whether it ends with this process. */
  held: boolean;
  /** Whether the process of its VM is jailed. */
  isJailed: boolean;
  /** Whether this process attaches to the command. */
  attached: boolean;
  /** Size of the command's terminal; without it the command has no terminal. */
  terminal: WindowSize | undefined;
  stdin: boolean;
  /** How much of the command's output is kept; default: nothing. */
  commandLog?: LogLimits | undefined;
  /** How long the guest may take to boot, in ms. */
  bootTimeoutMs: number;
  onPhase?: PhaseListener | undefined;
}

/** A root filesystem and how a runner accesses it. No process removes it before this object is disposed of. */
export interface Root extends Disposable {
  rootfs: RootfsSpec;
  /** The image's settings of the command. */
  defaults: ImageConfig;
  /** The command that must come first for the runner to find the root filesystem; usually empty. */
  prefix: readonly string[];
}

/** Makes the launch of a machine on a root filesystem. */
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
    const risk = "root in the guest can access everything on this host that the user can";
    log("warn", `The VM of machine "${machine.name}" has no jail: ${risk}`);
  }
  const keepsNetwork = portsOf(machine.ports, "tcp").length > 0;
  const prefix = [...root.prefix, ...jailPrefix({ isJailed: options.isJailed, keepsNetwork })];
  const secrets = readSecrets(machine.secrets);
  return { spec, prefix, secrets, onPhase: options.onPhase, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

/** The network settings for the runner. */
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

/** Deno refuses access to these folders to processes without all permissions, such as gateways. */
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

/** Returns a folder of the host as a root filesystem. */
export function folderRoot(path: string): Root {
  return {
    rootfs: { path },
    defaults: EMPTY_IMAGE_CONFIG,
    prefix: [],
    [Symbol.dispose]: () => {}, // The user owns the folder.
  };
}

/** How {@linkcode imageRoot} gets an image. */
export interface ImageOptions {
  pull: PullPolicy;
  /** Whether the registry must show a valid certificate; default: buildah's configuration. */
  tlsVerify?: boolean | undefined;
  /** Receives the progress of a pull. */
  onPullProgress?: ProgressListener | undefined;
  onPhase?: PhaseListener | undefined;
  /** Cancels a pull. */
  signal?: AbortSignal | undefined;
}

/**
 * Returns an image as a root filesystem; pulls and mounts it if needed.
 *
 * @throws {SmolvmError} like `prepareImage`.
 */
export async function imageRoot(
  reference: ImageReference,
  { pull, tlsVerify, onPullProgress: onProgress, onPhase, signal }: ImageOptions,
) {
  // Loaded only for images: folders do not need it.
  const { prepareImage } = await import("../image/prepare.ts");
  const image = await prepareImage(reference, { pull, tlsVerify, onProgress, onPhase, signal });
  // The mount namespace of an existing spare runner does not have the new mount.
  if (!image.cached) await dismissSpareRunner();
  log("debug", `image ${image.reference} is ${image.digest}`);
  const { config: defaults, rootfs, reference: name, imageId, digest, hold } = image;
  const access = rootfs.kind === "mounted"
    ? { rootfs: { path: rootfs.path }, prefix: [] }
    : { rootfs: { variable: rootfs.variable }, prefix: rootfs.command };
  const root: Root = { ...access, defaults, [Symbol.dispose]: () => hold[Symbol.dispose]() };
  return { root, image: { reference: name, imageId, digest } };
}

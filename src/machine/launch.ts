import { defaultNameserver } from "../host/resolver.ts";
import { log, logLevel } from "../log.ts";
import type { LogLimits } from "../logs/files.ts";
import type { ProgressListener } from "../image/buildah.ts";
import { EMPTY_IMAGE_CONFIG, type ImageConfig } from "../image/config.ts";
import type { PullPolicy } from "../image/prepare.ts";
import type { ImageReference } from "../image/reference.ts";
import type { WindowSize } from "../protocol/messages.ts";
import type { RootfsSpec, RunnerSpec } from "../runner/spec.ts";
import type { MachineFolders } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { dismissSpareRunner, namespacePrefix } from "./spawn_runner.ts";

export { ephemeralFolders } from "../state/machine_folders.ts";
export type { WindowSize };

/** What making or starting a machine is at; `load` is from an archive or a folder, and `prepare` all else of an image. */
export type Phase = "pull" | "load" | "prepare" | "boot";
/** Is told what begins. */
export type PhaseListener = (phase: Phase) => void;

/** What a runner is to be started with; to be disposed of once others see the machine. */
export interface Launch extends Disposable {
  spec: RunnerSpec;
  /** The command that puts the runner into its namespaces. */
  prefix: readonly string[];
  onPhase: PhaseListener | undefined;
}

/** How a machine is run this time. */
export interface RunOptions {
  /** Leaves nothing when it has ended. */
  ephemeral: boolean;
  /** Ends with this process. */
  held: boolean;
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
  prefix: readonly string[];
}

/** What a runner is told to run a machine in that root. */
export function launchOf(machine: MachineRecord, root: Root, folders: MachineFolders, options: RunOptions): Launch {
  const spec: RunnerSpec = {
    machine,
    ...folders,
    ephemeral: options.ephemeral,
    held: options.held,
    attached: options.attached,
    rootfs: root.rootfs,
    nameservers: machine.net ? [machine.dns ?? defaultNameserver()] : [],
    terminal: options.terminal ?? null,
    stdin: options.stdin,
    commandLog: options.commandLog ?? null,
    helloTimeoutMs: options.bootTimeoutMs,
    logLevel: logLevel(),
  };
  return { spec, prefix: root.prefix, onPhase: options.onPhase, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

/** A folder of the host as a root. */
export function folderRoot(path: string): Root {
  return {
    rootfs: { path },
    defaults: EMPTY_IMAGE_CONFIG,
    prefix: namespacePrefix(),
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
    ? { rootfs: { path: rootfs.path }, prefix: namespacePrefix() }
    : { rootfs: { variable: rootfs.variable }, prefix: rootfs.command };
  const root: Root = { ...access, defaults, [Symbol.dispose]: () => hold[Symbol.dispose]() };
  return { root, image: { reference: name, imageId, digest } };
}

import { defaultNameserver } from "../host/resolver.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import type { ProgressListener } from "../image/buildah.ts";
import type { PullPolicy } from "../image/prepare.ts";
import { classifySource, type Source } from "../image/reference.ts";
import { logLevel } from "../log.ts";
import type { WindowSize } from "../protocol/messages.ts";
import { checkResources, type RootfsSpec, type RunnerSpec, type VolumeSpec } from "../runner/spec.ts";
import { ephemeralFolders } from "../state/ephemeral.ts";
import { checkName, generateId, generateName } from "../state/names.ts";
import { type CommandDefaults, commandEnvironment, commandLine, FOLDER_DEFAULTS } from "./command.ts";
import { checkOwnership } from "./ownership.ts";
import { dismissSpareRunner, namespacePrefix } from "./spare_runner.ts";
import { resolveVolumes } from "./volume.ts";

export type { VolumeSpec, WindowSize };

/** A machine as its user describes it. */
export interface MachineOptions {
  /** An existing folder, or an image reference. */
  source: string;
  /** Empty: what the image says. */
  command: string[];
  /** Generated when absent. */
  name: string | undefined;
  cpus: number;
  /** In MiB. */
  memoryMib: number;
  /** Working directory in the guest; the image's when absent. */
  workdir: string | undefined;
  /** `KEY=VALUE` each. */
  env: string[];
  volumes: VolumeSpec[];
  net: boolean;
  /** Name server; the host's when absent. */
  dns: string | undefined;
  /** `name|uid[:group|gid]`; the image's when absent. */
  user: string | undefined;
  entrypoint: string | undefined;
  /** The machine's name when absent. */
  hostname: string | undefined;
  pull: PullPolicy;
  /** Whether the registry must show a certificate; buildah's configuration decides when absent. */
  tlsVerify: boolean | undefined;
  /** Is given the progress of a pull. */
  onPullProgress: ProgressListener | undefined;
  /** Size of the terminal to run on. */
  tty: WindowSize | undefined;
  stdin: boolean;
  /** How long the guest may take to boot, in ms. */
  bootTimeoutMs: number;
}

/** What a runner is to be started with. */
export interface Launch {
  spec: RunnerSpec;
  /** The command that puts the runner into its namespaces. */
  prefix: readonly string[];
}

/**
 * Turns the description of an ephemeral machine into what its runner is told; pulls the image when it is missing.
 *
 * @throws {SmolvmError} for anything in it that cannot be honoured.
 */
export async function planLaunch(options: MachineOptions): Promise<Launch> {
  checkResources(options);
  const name = options.name ?? generateName();
  checkName(name);
  const volumes = resolveVolumes(options.volumes);
  const source = classifySource(options.source);
  if (source.kind === "folder") checkFolder(source.path);
  // What was asked for is checked before the host is, and the host before a pull.
  checkVirtualization();
  const { rootfs, defaults, prefix } = await openSource(source, options);
  const hostname = options.hostname ?? name;
  const command = { ...options, tty: options.tty !== undefined, hostname };
  const id = generateId();
  const spec: RunnerSpec = {
    id,
    name,
    ...ephemeralFolders(id),
    ephemeral: true,
    cpus: options.cpus,
    memoryMib: options.memoryMib,
    rootfs,
    volumes,
    net: options.net,
    hostname,
    nameservers: options.net ? [options.dns ?? defaultNameserver()] : [],
    command: {
      argv: commandLine(defaults, command),
      env: commandEnvironment(defaults, command),
      cwd: options.workdir ?? (defaults.workingDir || "/"),
      user: options.user ?? defaults.user,
      tty: options.tty ?? null,
      stdin: options.stdin,
    },
    helloTimeoutMs: options.bootTimeoutMs,
    logLevel: logLevel(),
  };
  return { spec, prefix };
}

function checkFolder(path: string): void {
  checkOwnership({ path, owner: Deno.statSync(path).uid, uid: Deno.uid(), os: Deno.build.os });
}

/** The root filesystem that a SOURCE names, and how a runner gets at it. */
interface OpenSource {
  rootfs: RootfsSpec;
  defaults: CommandDefaults;
  prefix: readonly string[];
}

async function openSource(source: Source, { pull, tlsVerify, onPullProgress }: MachineOptions): Promise<OpenSource> {
  if (source.kind === "folder") {
    return { rootfs: { path: source.path }, defaults: FOLDER_DEFAULTS, prefix: namespacePrefix() };
  }
  // Folders are run without any of this.
  const { prepareImage } = await import("../image/prepare.ts");
  const image = await prepareImage(source.reference, { pull, tlsVerify, onProgress: onPullProgress });
  // What was mounted just now is not in the namespace of a runner that was there before.
  if (!image.cached) await dismissSpareRunner();
  const { config: defaults, rootfs } = image;
  return rootfs.kind === "mounted"
    ? { rootfs: { path: rootfs.path }, defaults, prefix: namespacePrefix() }
    : { rootfs: { variable: rootfs.variable }, defaults, prefix: rootfs.command };
}

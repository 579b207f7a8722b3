import { readConfig } from "../config/config.ts";
import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { commandLogFile } from "../state/machine_folders.ts";
import type { MachineRecord, MachineSource } from "../state/machine_record.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { findNetwork } from "../state/networks.ts";
import { isLive } from "../state/status.ts";
import { AttachedMachine } from "./attached.ts";
import type { CommandIo } from "../protocol/attachment.ts";
import { boot } from "./boot.ts";
import { checkFolder } from "./describe.ts";
import { folderRoot, imageRoot, type Launch, launchOf, type LaunchOptions, type Root } from "./launch.ts";
import { checkPorts } from "./ports.ts";
import { DEFAULT_TERMINAL_SIZE } from "./default_terminal_size.ts";
import { resolveVolumes } from "./volume.ts";

/** A machine that runs in the background. */
export interface BackgroundMachine {
  /** Process id of its VM. */
  pid: number;
  /** The file with its command's output. */
  log: string;
}

/** How {@linkcode startInBackground} starts a machine. */
export interface BackgroundStartOptions extends Pick<LaunchOptions, "bootTimeoutMs" | "onPhase"> {
  /** Cancels the start. */
  signal?: AbortSignal | undefined;
}

/**
 * Starts a machine in the background; settles when its command runs.
 *
 * @throws {SmolvmError} `machine-state` when it is already running; any reason why it cannot start; the reason of the
 * signal.
 */
export async function startInBackground(
  machine: ReadableMachine,
  { signal, ...options }: BackgroundStartOptions,
): Promise<BackgroundMachine> {
  const { tty, stdin } = machine.record.command;
  const terminal = tty ? DEFAULT_TERMINAL_SIZE : undefined;
  using launch = await planStart(machine, { ...options, attached: false, terminal, stdin });
  const { runner, pid } = await boot(launch, signal);
  await runner.release();
  return { pid, log: commandLogFile(machine.folder) };
}

/**
 * Starts a machine and attaches to its command.
 *
 * @throws {SmolvmError} like {@linkcode startInBackground}.
 */
export async function startAttached(
  machine: ReadableMachine,
  options: Pick<LaunchOptions, "terminal" | "stdin" | "bootTimeoutMs" | "onPhase">,
  io: CommandIo,
  signal?: AbortSignal,
): Promise<AttachedMachine> {
  using launch = await planStart(machine, { ...options, attached: true });
  return await AttachedMachine.start(launch, io, signal);
}

async function planStart(
  machine: ReadableMachine,
  options: Omit<LaunchOptions, "ephemeral" | "held" | keyof HostOptions>,
): Promise<Launch> {
  const { record, status, ephemeral } = machine;
  if (ephemeral || isLive(status.state)) {
    throw new SmolvmError("machine-state", `Machine "${record.name}" is running already`);
  }
  const host = await hostOptions(record);
  record.networks.forEach(findNetwork);
  await checkPorts(record);
  checkVirtualization();
  // Folders that existed when the machine was created may be gone.
  const volumes = resolveVolumes(record.volumes);
  const root = await openRoot(record.source, options);
  const folders = { folder: machine.folder, runtimeFolder: machine.runtimeFolder };
  return launchOf({ ...record, volumes }, root, folders, { ...options, ...host, ephemeral: false, held: false });
}

/** How this host runs machines, according to the user's configuration. */
export type HostOptions = Required<Pick<LaunchOptions, "commandLog" | "isJailed">>;

/** Reads these options from the user's current configuration: log limits, for example, are not part of a machine. */
export async function hostOptions(machine: Pick<MachineRecord, "insecureNoJail">): Promise<HostOptions> {
  const { logMaxSize, logMaxFiles, insecureNoJail } = await readConfig();
  return {
    commandLog: { maxBytes: logMaxSize * 1024 ** 2, maxFiles: logMaxFiles },
    isJailed: !insecureNoJail && !machine.insecureNoJail,
  };
}

async function openRoot(source: MachineSource, { onPhase }: Pick<LaunchOptions, "onPhase">): Promise<Root> {
  if ("folder" in source) {
    try {
      checkFolder(source.folder);
    } catch (error) {
      if (error instanceof SmolvmError) throw error;
      throw new SmolvmError("source", `Cannot use the folder "${source.folder}": ${osReason(error)}`, { cause: error });
    }
    return folderRoot(source.folder);
  }
  const { reference, imageId } = source.image;
  return (await imageRoot({ kind: "stored", name: reference, imageId }, { pull: "never", onPhase })).root;
}

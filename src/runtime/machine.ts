import { SmolvmError } from "../errors.ts";
import { createMachine } from "../machine/create.ts";
import { deleteMachine } from "../machine/delete.ts";
import {
  findMachine,
  findMachineById,
  isReadable,
  listMachines,
  type ReadableMachine,
  unreadable,
} from "../machine/find.ts";
import { EphemeralMachine } from "../machine/ephemeral.ts";
import { attachTo, execInBackground, startExec } from "../requests/exec.ts";
import type { Phase } from "../machine/launch.ts";
import { type NetworkEvent, readCommandLog, readKernelLog, readNetworkLog } from "../machine/logs.ts";
import { signalMachine } from "../requests/kill.ts";
import { renameMachine } from "../machine/rename.ts";
import { signalNumber } from "../host/signal.ts";
import { type BackgroundMachine, startAttached, startInBackground } from "../machine/start.ts";
import { STOP_TIMEOUT_MS } from "../protocol/control.ts";
import type { GuestProcess } from "../requests/processes.ts";
import { killMachine, stopMachine } from "../machine/stop.ts";
import { waitForEnd } from "../machine/wait.ts";
import type { MachineStats } from "../requests/stats.ts";
import { GuestCommand, type OutputChunk, type StreamOptions } from "./guest_command.ts";
import { GuestFiles } from "./guest_files.ts";
import { infoOf, infoOfNew, type MachineInfo, type UnreadableMachineInfo } from "./machine_info.ts";
import * as given from "./options.ts";
import type { CommandLine, CommandOptions, MachineOptions, MachineUpdate, WarmOptions } from "./options.ts";
import { type RunOptions, startRun } from "./run.ts";
import { untilAborted } from "./until_aborted.ts";
import { warmInfoOf, type WarmMachineInfo } from "./warm_info.ts";

export type { BackgroundMachine, Phase, RunOptions };

/** How {@linkcode Machine.exec} runs its command. */
export interface ExecOptions extends CommandOptions, StreamOptions {}

/** How {@linkcode Machine.start} starts a machine. */
export interface StartOptions {
  /** How long the guest may take to boot, in ms; default: 60 s. */
  bootTimeoutMs?: number | undefined;
  /** Called when a phase of the start begins. */
  onPhase?: ((phase: Phase) => void) | undefined;
  /** Cancels the start and ends the VM. */
  signal?: AbortSignal | undefined;
}

/** How {@linkcode Machine.stop} stops a machine. */
export interface StopOptions {
  /** How long the command may take to end before the guest kills it, in ms; default: 10 s. */
  timeoutMs?: number | undefined;
  /** Whether to kill the VM: at once or, with `timeoutMs`, if the guest has not ended after that time. */
  force?: boolean | undefined;
}

/** What {@linkcode Machine.logs} reads. */
export interface LogOptions {
  /** Whether to continue until the machine has ended. */
  follow?: boolean | undefined;
  /** How many of the last lines to read; default: all. */
  tail?: number | undefined;
  /** Skips lines written before this time. */
  since?: Date | undefined;
  /** Skips lines written after this time. */
  until?: Date | undefined;
  /** Whether to prefix each line with its time, RFC 3339 in UTC, and a space. */
  timestamps?: boolean | undefined;
  /** Whether to read the guest's console, as `stdout`, and then the log of the VM's process, as `stderr`, instead. */
  kernel?: boolean | undefined;
  /** Stops reading. */
  signal?: AbortSignal | undefined;
}

/** What {@linkcode Machine.networkLog} reads. */
export type NetworkLogOptions = Pick<LogOptions, "follow" | "tail" | "since" | "until" | "signal">;

/**
 * A machine: a persistent one, like those of `smolvm create`, or an ephemeral one. An ephemeral machine ends with this
 * object (`await using`) or with this process, and all its files are removed.
 *
 * Every method looks the machine up again, so several processes can use it at once.
 *
 * ```ts
 * import { Machine } from "smolvm";
 *
 * console.log((await Machine.run("alpine", "uname -a")).stdout);
 *
 * await using machine = await Machine.create({ source: "alpine", ephemeral: true });
 * await machine.start();
 * const { code, stdout } = await machine.exec(["cat", "/etc/os-release"]);
 * console.log(code, stdout);
 * ```
 */
export class Machine implements AsyncDisposable {
  /** Its name when this object was created; if its files cannot be read, the name or id that was looked up. */
  readonly name: string;
  /** The files in the guest, while it runs. */
  readonly fs: GuestFiles;
  readonly #own: EphemeralMachine | undefined;
  readonly #id: string;

  private constructor({ id, name }: { id: string; name: string }, own?: EphemeralMachine) {
    this.#id = id;
    this.name = name;
    this.fs = new GuestFiles(() => this.#open());
    this.#own = own;
  }

  /**
   * Instance id, never reused: 12 hexadecimal digits. The id of an ephemeral machine may change once, when it starts:
   * it may then become a warm machine and get the id of that machine.
   */
  get id(): string {
    return this.#own?.record.id ?? this.#id;
  }

  /**
   * Boots a machine, runs a command in it, and removes it when the command has ended: see {@linkcode GuestCommand}.
   *
   * @param source an existing folder or an image reference; a missing image is pulled
   * @param command the command; default, or if empty: the image's
   */
  static run(source: string, command: CommandLine = [], options: RunOptions = {}): GuestCommand {
    return startRun(source, command, options);
  }

  /**
   * Keeps this many warm machines: they have booted in advance, without a root filesystem or for one image.
   * {@linkcode Machine.run} and the start of an ephemeral machine take one whose size and image fit; a replacement then
   * boots in the background. A count of 0 ends all warm machines. Settles when the machines are warm, or have ended.
   *
   * @throws {SmolvmError} when a machine cannot be booted or its image cannot be prepared; `usage` for an invalid size
   * or count, and on systems other than Linux.
   */
  static async warm(count: number, options: WarmOptions = {}): Promise<void> {
    const { endAllWarm, keepWarm } = await import("../machine/warm.ts");
    const description = await given.describeWarm(count, options);
    await (count === 0 ? endAllWarm() : keepWarm(description));
  }

  /** Lists the warm machines that were not taken yet, the oldest first. */
  static async listWarm(): Promise<WarmMachineInfo[]> {
    const { listWarmMachines } = await import("../machine/warm.ts");
    return listWarmMachines().map(warmInfoOf);
  }

  /**
   * Creates a machine without starting it; pulls a missing image.
   *
   * @throws {SmolvmError} for any option that cannot be honoured; the reason of `signal`. Leaves nothing behind then
   * but a pulled image.
   */
  static async create(options: MachineOptions): Promise<Machine> {
    const { ephemeral = false, boots = false, signal } = options;
    signal?.throwIfAborted();
    const description = await given.describe(options);
    try {
      if (!ephemeral) return new Machine(await createMachine({ ...description, boots }));
      const own = await EphemeralMachine.create({ ...description, isDetached: ephemeral === "detached" });
      return new Machine(own.record, own);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /**
   * Finds a machine by its name or the unique beginning of its id.
   *
   * @throws {SmolvmError} `no-machine`; `usage` when several ids match.
   */
  static async get(nameOrId: string): Promise<Machine> {
    const found = findMachine(nameOrId);
    const name = isReadable(found) ? found.record.name : nameOrId;
    return await Promise.resolve(new Machine({ id: found.id, name }));
  }

  /** Lists all machines, the oldest first; ephemeral ones while they run. Pass their ids to {@linkcode Machine.get}. */
  static list(): Promise<(MachineInfo | UnreadableMachineInfo)[]> {
    return Promise.try(() => listMachines().map(infoOf));
  }

  /**
   * Returns its settings and its state.
   *
   * @throws {SmolvmError} `state` when its files cannot be read; `no-machine` when it is gone. All methods below throw
   * these too.
   */
  info(): Promise<MachineInfo> {
    return Promise.try(() => this.#own?.isNew ? infoOfNew(this.#own.record) : infoOf(this.#open()) as MachineInfo);
  }

  /**
   * Starts it in the background; settles when its command runs. The command's output goes to the machine's log.
   *
   * @throws {SmolvmError} `machine-state` when it is already running; any reason why it cannot start; the reason of
   * `signal`.
   */
  async start(options: StartOptions = {}): Promise<BackgroundMachine> {
    const starting = { ...options, bootTimeoutMs: given.bootTimeout(options.bootTimeoutMs) };
    return await (this.#own ? this.#own.start(starting) : startInBackground(this.#open(), starting));
  }

  /**
   * Starts it and attaches this process to the streams of its command. Ending the returned command only detaches: the
   * machine keeps running.
   */
  startAttached(options: StreamOptions & StartOptions = {}): GuestCommand {
    const { terminal, onPhase } = options;
    return new GuestCommand(async (io, signal) => {
      const bootTimeoutMs = given.bootTimeout(options.bootTimeoutMs);
      const running = { terminal, stdin: options.stdin !== undefined, bootTimeoutMs, onPhase };
      return await startAttached(this.#open(), running, io, signal);
    }, options);
  }

  /** Attaches to the streams of its command, from now on. Ending the returned command only detaches. */
  attach(options: StreamOptions = {}): GuestCommand {
    return new GuestCommand((io) => attachTo(this.#open(), io), options);
  }

  /** Runs another command in the running machine: see {@linkcode GuestCommand}. */
  exec(command: CommandLine, options: ExecOptions = {}): GuestCommand {
    return new GuestCommand(async (io) => {
      const stdin = options.stdin !== undefined;
      return await startExec(this.#open(), { ...given.describeCommand(command, options), stdin }, io);
    }, options);
  }

  /**
   * Starts another command in the background and discards its output; settles when the command runs.
   *
   * @throws {SmolvmError} `machine-state` when the machine does not run; `not-found`, `not-executable`.
   */
  async spawn(command: CommandLine, options: CommandOptions = {}): Promise<void> {
    await execInBackground(this.#open(), given.describeCommand(command, options));
  }

  /**
   * Asks its command to end with the image's stop signal, then shuts down the guest with a clean disk. Does nothing if
   * the machine does not run.
   *
   * @throws {SmolvmError} `guest` when the guest does not answer, unless forced.
   */
  async stop({ timeoutMs, force = false }: StopOptions = {}): Promise<void> {
    const limitMs = given.checkTimeout("timeoutMs", timeoutMs ?? STOP_TIMEOUT_MS);
    if (this.#own?.isNew) return;
    if (force && timeoutMs === undefined) await killMachine(this.#open());
    else await stopMachine(this.#open(), { timeoutMs: limitMs, force });
  }

  /**
   * Sends a signal, such as `HUP` or `SIGUSR1`, to its command; `KILL` shuts down the machine with a clean disk.
   *
   * @throws {SmolvmError} `machine-state` when it does not run; `usage` for an unknown signal.
   */
  async kill(signal = "SIGKILL"): Promise<void> {
    await signalMachine(this.#open(), signalNumber(signal));
  }

  /**
   * Waits until it has ended, and returns the exit code of its command; 137 if the VM was killed. Also works for an
   * ephemeral machine that this object started and that is already gone.
   */
  async wait({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    const own = this.#own;
    if (!own?.isStarted) return await waitForEnd(this.#open(), signal);
    return await untilAborted(signal, (until) => Promise.race([own.wait(), until]));
  }

  /** Reads the output of its command in all its runs. Machines of {@linkcode Machine.run} have no log. */
  async *logs({ kernel = false, follow = false, ...options }: LogOptions = {}): AsyncGenerator<OutputChunk, void> {
    const machine = this.#open();
    yield* kernel ? readKernelLog(machine, { ...options, follow }) : readCommandLog(machine, { ...options, follow });
  }

  /**
   * Reads the events of its network in its current or last run: what it refused, and its end.
   *
   * @throws {SmolvmError} `machine-state` when it has no network.
   */
  async *networkLog({ follow = false, ...options }: NetworkLogOptions = {}): AsyncGenerator<NetworkEvent, void> {
    yield* readNetworkLog(this.#open(), { ...options, follow });
  }

  /** Measures its current resource usage; takes a second to measure CPU usage. */
  async stats(): Promise<MachineStats> {
    const { watchStats } = await import("../requests/stats.ts");
    const samples = watchStats(() => [this.#open()]);
    return (await samples.next()).value![0]!;
  }

  /**
   * Lists the processes in the guest, without kernel threads.
   *
   * @throws {SmolvmError} `machine-state` when it does not run; `guest` when the guest does not answer.
   */
  async processes(): Promise<GuestProcess[]> {
    const { usageInGuest } = await import("../requests/processes.ts");
    return (await usageInGuest(this.#open())).processes;
  }

  /**
   * Renames it, even while it runs.
   *
   * @throws {SmolvmError} `usage` for a name that is invalid or taken; `machine-state` for an ephemeral machine.
   */
  async rename(name: string): Promise<void> {
    await renameMachine(this.#open(), name);
  }

  /**
   * Changes its settings from its next start on.
   *
   * @throws {SmolvmError} `machine-state` when it runs; for invalid settings, and for a removal of something missing.
   */
  async update(changes: MachineUpdate): Promise<void> {
    const { updateMachine } = await import("../machine/update.ts");
    await updateMachine(this.#open(), given.describeUpdate(changes));
  }

  /**
   * Deletes it, with its disk and its log.
   *
   * @throws {SmolvmError} `machine-state` when it runs, unless `force` kills it; `state` when its files cannot be read,
   * unless forced.
   */
  async delete({ force = false }: { force?: boolean | undefined } = {}): Promise<void> {
    if (this.#own?.isNew || force && this.#own?.isHeld) await this[Symbol.asyncDispose]();
    else await deleteMachine(findMachineById(this.id), { force });
  }

  /** Ends and removes an ephemeral machine that this object created; does nothing to detached and other machines. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own?.[Symbol.asyncDispose]();
  }

  #open(): ReadableMachine {
    if (this.#own?.isNew) {
      throw new SmolvmError("machine-state", `Machine "${this.name}" is not running: it is created`);
    }
    const found = findMachineById(this.id);
    if (isReadable(found)) return found;
    throw unreadable(found, this.name);
  }
}

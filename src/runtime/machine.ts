import { SmolvmError } from "../errors.ts";
import { AttachedMachine } from "../machine/attached.ts";
import { createMachine } from "../machine/create.ts";
import { deleteMachine } from "../machine/delete.ts";
import { describeMachine } from "../machine/describe.ts";
import { attachTo, execInBackground, startExec } from "../machine/exec.ts";
import {
  findMachine,
  findMachineById,
  isReadable,
  listMachines,
  type Machine as Found,
  unreadable,
} from "../machine/find.ts";
import { EphemeralMachine } from "../machine/ephemeral.ts";
import { signalMachine } from "../machine/kill.ts";
import { ephemeralFolders, launchOf, type Phase } from "../machine/launch.ts";
import { readCommandLog, readKernelLog } from "../machine/logs.ts";
import type { GuestProcess } from "../machine/processes.ts";
import { renameMachine } from "../machine/rename.ts";
import { signalNumber } from "../machine/signal.ts";
import { type BackgroundMachine, startAttached, startInBackground } from "../machine/start.ts";
import type { MachineStats } from "../machine/stats.ts";
import { killMachine, stopMachine } from "../machine/stop.ts";
import { waitForEnd } from "../machine/wait.ts";
import { GuestCommand, type OutputChunk, type StreamOptions } from "./guest_command.ts";
import { GuestFiles } from "./guest_files.ts";
import { infoOf, infoOfNew, type MachineInfo, type UnreadableMachineInfo } from "./machine_info.ts";
import * as given from "./options.ts";
import type { CommandLine, CommandOptions, MachineOptions, MachineSettings, MachineUpdate } from "./options.ts";
import { untilAborted } from "./until_aborted.ts";

export type { BackgroundMachine, Phase };

/** How {@linkcode Machine.run} runs its command. */
export interface RunOptions extends MachineSettings, StreamOptions, Pick<StartOptions, "bootTimeoutMs"> {}

/** How {@linkcode Machine.exec} runs its command. */
export interface ExecOptions extends CommandOptions, StreamOptions {}

/** How {@linkcode Machine.start} starts a machine. */
export interface StartOptions {
  /** How long its guest may take to boot, in ms; default: 60 s. */
  bootTimeoutMs?: number | undefined;
  /** Is told what the start is at. */
  onPhase?: ((phase: Phase) => void) | undefined;
  /** Gives up the start, and ends the VM. */
  signal?: AbortSignal | undefined;
}

/** How {@linkcode Machine.stop} stops a machine. */
export interface StopOptions {
  /** How long its command may take to end before the guest kills it, in ms; default: 10 s. */
  timeoutMs?: number | undefined;
  /** Whether the VM is killed when the guest does not end: at once, or after `timeoutMs` if that is given. */
  force?: boolean | undefined;
}

/** What {@linkcode Machine.logs} reads. */
export interface LogOptions {
  /** Whether to go on until the machine has ended. */
  follow?: boolean | undefined;
  /** Only so many of the last lines. */
  tail?: number | undefined;
  /** Only what was written then or later. */
  since?: Date | undefined;
  /** Only what was written until then. */
  until?: Date | undefined;
  /** Whether each line has its time in front: RFC 3339 in UTC, and a space. */
  timestamps?: boolean | undefined;
  /** Reads the guest's console instead, as `stdout`, and then the log of the VM's process, as `stderr`. */
  kernel?: boolean | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

const STOP_TIMEOUT_MS = 10_000;

/**
 * A machine: one that persists, like those of `smolvm create`, or an ephemeral one, which ends with this object (`await
 * using`) or with this process, and leaves nothing.
 *
 * Every method looks the machine up anew, so that it may be used by several processes at once.
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
  /** Instance id, unique for all time: 12 hexadecimal digits. */
  readonly id: string;
  /** The name that it had when this object was made; what it was looked for by when its files cannot be read. */
  readonly name: string;
  /** The files in it, while it runs. */
  readonly fs: GuestFiles;
  readonly #own: EphemeralMachine | undefined;

  private constructor({ id, name }: { id: string; name: string }, own?: EphemeralMachine) {
    this.id = id;
    this.name = name;
    this.fs = new GuestFiles(() => this.#open());
    this.#own = own;
  }

  /**
   * Boots a machine, runs a command in it, and removes it when that has ended: see {@linkcode GuestCommand}.
   *
   * @param source a folder that exists, or an image reference; a missing image is pulled
   * @param command what the image says when it is left out or empty
   */
  static run(source: string, command: CommandLine = [], options: RunOptions = {}): GuestCommand {
    return new GuestCommand(async (io, signal) => {
      const stdin = options.stdin !== undefined;
      const tty = options.terminal !== undefined;
      const description = await given.describe({ ...options, source, command, tty, stdin, signal });
      const { machine, root } = await describeMachine(description, { boots: true });
      using launch = launchOf(machine, root, ephemeralFolders(machine.id), {
        ephemeral: true,
        held: true,
        attached: true,
        terminal: options.terminal,
        stdin,
        bootTimeoutMs: given.bootTimeout(options.bootTimeoutMs),
        onPhase: options.onPhase,
      });
      return await AttachedMachine.start(launch, io, signal);
    }, options);
  }

  /**
   * Makes a machine, to be started next; pulls its image when it is missing.
   *
   * @throws {SmolvmError} for anything that cannot be honoured; the reason of `signal`. Nothing is left then but an
   * image that was pulled.
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
   * The machine with that name, or whose id begins so if it is the only one.
   *
   * @throws {SmolvmError} `no-machine`; `usage` when several ids begin so.
   */
  static async get(nameOrId: string): Promise<Machine> {
    const found = findMachine(nameOrId);
    const name = isReadable(found) ? found.record.name : nameOrId;
    return await Promise.resolve(new Machine({ id: found.id, name }));
  }

  /** Every machine, the oldest first; ephemeral ones while they run. {@linkcode Machine.get} takes their ids. */
  static list(): Promise<(MachineInfo | UnreadableMachineInfo)[]> {
    return Promise.try(() => listMachines().map(infoOf));
  }

  /**
   * What it is, and how it is now.
   *
   * @throws {SmolvmError} `state` when its files cannot be read; `no-machine` when it is gone: so do all that follow.
   */
  info(): Promise<MachineInfo> {
    return Promise.try(() => this.#own?.isNew ? infoOfNew(this.#own.record) : infoOf(this.#open()) as MachineInfo);
  }

  /**
   * Starts it, to run by itself; settles when its command runs. What that writes is in its log.
   *
   * @throws {SmolvmError} `machine-state` when it runs already; for why it cannot be started; the reason of `signal`.
   */
  async start(options: StartOptions = {}): Promise<BackgroundMachine> {
    const starting = { ...options, bootTimeoutMs: given.bootTimeout(options.bootTimeoutMs) };
    return await (this.#own ? this.#own.start(starting) : startInBackground(this.#open(), starting));
  }

  /**
   * Starts it with this process as the one that its command reads from and writes to. Leaving the command leaves the
   * machine running.
   */
  startAttached(options: StreamOptions & StartOptions = {}): GuestCommand {
    const { terminal, onPhase } = options;
    return new GuestCommand(async (io, signal) => {
      const bootTimeoutMs = given.bootTimeout(options.bootTimeoutMs);
      const running = { terminal, stdin: options.stdin !== undefined, bootTimeoutMs, onPhase };
      return await startAttached(this.#open(), running, io, signal);
    }, options);
  }

  /** Shares in the streams of its command, from now on. Leaving them leaves the command running. */
  attach(options: StreamOptions = {}): GuestCommand {
    return new GuestCommand((io) => attachTo(this.#open(), io), options);
  }

  /** Runs another command in it while it runs: see {@linkcode GuestCommand}. */
  exec(command: CommandLine, options: ExecOptions = {}): GuestCommand {
    return new GuestCommand(async (io) => {
      const stdin = options.stdin !== undefined;
      return await startExec(this.#open(), { ...given.describeCommand(command, options), stdin }, io);
    }, options);
  }

  /**
   * Starts another command in it, which then runs by itself, its output going nowhere; settles when it runs.
   *
   * @throws {SmolvmError} `machine-state` when it does not run; `not-found`, `not-executable`.
   */
  async spawn(command: CommandLine, options: CommandOptions = {}): Promise<void> {
    await execInBackground(this.#open(), given.describeCommand(command, options));
  }

  /**
   * Asks its command to end, by the image's stop signal, then ends the guest with a clean disk. A machine that does not
   * run is left alone.
   *
   * @throws {SmolvmError} `guest` when the guest does not answer, unless it is forced.
   */
  async stop({ timeoutMs, force = false }: StopOptions = {}): Promise<void> {
    const limitMs = given.checkTimeout("timeoutMs", timeoutMs ?? STOP_TIMEOUT_MS);
    if (this.#own?.isNew) return;
    if (force && timeoutMs === undefined) await killMachine(this.#open());
    else await stopMachine(this.#open(), { timeoutMs: limitMs, force });
  }

  /**
   * Sends a signal, such as `HUP` or `SIGUSR1`, to its command; `KILL` ends the machine with a clean disk.
   *
   * @throws {SmolvmError} `machine-state` when it does not run; `usage` for what is no signal.
   */
  async kill(signal = "SIGKILL"): Promise<void> {
    await signalMachine(this.#open(), signalNumber(signal));
  }

  /**
   * Settles when it has ended, with the exit code of its command; 137 stands for a VM that was killed. An ephemeral
   * machine that this object started may be gone by then.
   */
  async wait({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    const own = this.#own;
    if (!own?.isStarted) return await waitForEnd(this.#open(), signal);
    return await untilAborted(signal, (until) => Promise.race([own.wait(), until]));
  }

  /** What its command has written, in all its runs. Only machines of {@linkcode Machine.run} have no log. */
  async *logs({ kernel = false, follow = false, ...options }: LogOptions = {}): AsyncGenerator<OutputChunk, void> {
    const machine = this.#open();
    yield* kernel ? readKernelLog(machine, { ...options, follow }) : readCommandLog(machine, { ...options, follow });
  }

  /** What it uses at this moment; takes a second, in which the use of its CPUs is measured. */
  async stats(): Promise<MachineStats> {
    const { watchStats } = await import("../machine/stats.ts");
    const samples = watchStats(() => [this.#open()]);
    return (await samples.next()).value![0]!;
  }

  /**
   * The processes in it, but for the kernel's own.
   *
   * @throws {SmolvmError} `machine-state` when it does not run; `guest` when the guest does not answer.
   */
  async processes(): Promise<GuestProcess[]> {
    const { usageInGuest } = await import("../machine/processes.ts");
    return (await usageInGuest(this.#open())).processes;
  }

  /**
   * Gives it another name, also while it runs.
   *
   * @throws {SmolvmError} `usage` for a name that is none or is taken; `machine-state` for an ephemeral one.
   */
  async rename(name: string): Promise<void> {
    await renameMachine(this.#open(), name);
  }

  /**
   * Changes what it is from its next start on.
   *
   * @throws {SmolvmError} `machine-state` when it runs; for what it cannot be, or does not have that is to be removed.
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

  /** Ends an ephemeral machine that this object made, and removes all of it; leaves any other as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own?.[Symbol.asyncDispose]();
  }

  #open(): Found {
    if (this.#own?.isNew) {
      throw new SmolvmError("machine-state", `Machine "${this.name}" is not running: it is created`);
    }
    const found = findMachineById(this.id);
    if (isReadable(found)) return found;
    throw unreadable(found, this.name);
  }
}

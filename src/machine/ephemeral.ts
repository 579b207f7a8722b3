import { SmolvmError } from "../errors.ts";
import type { RunnerProcess } from "../link/runner_process.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { commandLogFile } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { boot, releaseMachine } from "./boot.ts";
import { describeMachine, type DescribeOptions, type Description } from "./describe.ts";
import { ephemeralFolders, type Launch, launchOf } from "./launch.ts";
import { type BackgroundMachine, type BackgroundStartOptions, hostOptions } from "./start.ts";
import { DEFAULT_TERMINAL_SIZE } from "./default_terminal_size.ts";
import { EndWatch } from "./wait.ts";

/** An ephemeral machine that was started. */
interface Run {
  runner: RunnerProcess;
  pid: number;
  spec: RunnerSpec;
  watch: EndWatch;
}

/** An ephemeral machine in the background: it runs once, and all its files are removed when it has ended. */
export class EphemeralMachine implements AsyncDisposable {
  readonly #description: Description;
  readonly #isDetached: boolean;
  #isNew = true;
  /** Aborts an unfinished start. */
  readonly #left = new AbortController();
  #run: Promise<Run> | undefined;

  /** @param options `isDetached`: whether the machine outlives this object and this process */
  constructor(description: Description, { isDetached }: { isDetached: boolean }) {
    this.#description = description;
    this.#isDetached = isDetached;
  }

  /**
   * Creates the machine without starting it; pulls a missing image.
   *
   * @param options `isDetached`: whether the machine outlives this object and this process
   * @throws {SmolvmError} for any option that cannot be honoured.
   */
  static async create(options: DescribeOptions & { isDetached: boolean }): Promise<EphemeralMachine> {
    return new EphemeralMachine(await describeMachine(options, { boots: true }), options);
  }

  /** The settings of the machine. */
  get record(): MachineRecord {
    return this.#description.machine;
  }

  /** Whether it was not started yet: other processes cannot see it then. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Whether `start` was called and began to boot the machine, even if the start failed. */
  get isStarted(): boolean {
    return this.#run !== undefined;
  }

  /** Whether disposing of this object ends the machine. */
  get isHeld(): boolean {
    return this.#isNew || !this.#isDetached;
  }

  /**
   * Boots the machine; settles when its command runs.
   *
   * @throws {SmolvmError} `machine-state` when it was started before; any reason why it cannot start; the reason of the
   * signal.
   */
  async start({ signal, ...options }: BackgroundStartOptions): Promise<BackgroundMachine> {
    const { machine, root } = this.#description;
    const host = await hostOptions(machine);
    if (!this.#isNew) {
      throw new SmolvmError("machine-state", `Machine "${machine.name}" is ephemeral: it can be started only once`);
    }
    this.#isNew = false;
    using launch = launchOf(machine, root, ephemeralFolders(machine.id), {
      ...options,
      ephemeral: true,
      held: !this.#isDetached,
      attached: false,
      terminal: machine.command.tty ? DEFAULT_TERMINAL_SIZE : undefined,
      stdin: machine.command.stdin,
      ...host,
    });
    this.#run = this.#boot(launch, signal ? AbortSignal.any([signal, this.#left.signal]) : this.#left.signal);
    const { pid, spec } = await this.#run;
    return { pid, log: commandLogFile(spec.folder) };
  }

  async #boot(launch: Launch, signal: AbortSignal): Promise<Run> {
    const { spec } = launch;
    const { runner, pid, cleanedUp } = await boot(launch, signal);
    if (this.#isDetached) {
      await cleanedUp;
      await runner.release();
    }
    return { runner, pid, spec, watch: new EndWatch(spec) };
  }

  /**
   * Settles with the exit code of the command when the machine has ended, even if its files are gone. The machine must
   * have been started.
   *
   * @throws {SmolvmError} when the machine could not be started.
   */
  async wait(): Promise<number> {
    const { watch, runner } = await this.#run!;
    const code = await watch.exitCode();
    await runner.exited;
    return code;
  }

  /** Ends the machine, if it still runs, and removes its files; leaves a running detached machine alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isNew) this.#description.root[Symbol.dispose]();
    this.#isNew = false;
    this.#left.abort(new SmolvmError("interrupted", `Machine "${this.record.name}" was ended while it started`));
    const run = await this.#run?.catch(() => {}); // The caller of start() gets the error.
    if (run && !this.#isDetached) await releaseMachine(run.runner, run.spec);
  }
}

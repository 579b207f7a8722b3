import { SmolvmError } from "../errors.ts";
import type { RunnerProcess } from "../link/runner_process.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { commandLogFile } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { boot, releaseMachine } from "./boot.ts";
import { describeMachine, type DescribeOptions, type Description } from "./describe.ts";
import { ephemeralFolders, type Launch, launchOf } from "./launch.ts";
import { type BackgroundMachine, type BackgroundStartOptions, hostOptions } from "./start.ts";
import { UNSEEN_TERMINAL } from "./unseen_terminal.ts";
import { EndWatch } from "./wait.ts";

/** An ephemeral machine that was started. */
interface Run {
  runner: RunnerProcess;
  pid: number;
  spec: RunnerSpec;
  watch: EndWatch;
}

/** A machine that runs by itself once, and of which nothing is left when it has ended. */
export class EphemeralMachine implements AsyncDisposable {
  readonly #description: Description;
  readonly #isDetached: boolean;
  #isNew = true;
  /** Gives up a start that is not done yet. */
  readonly #left = new AbortController();
  #run: Promise<Run> | undefined;

  /** @param options whether it goes on without this object and this process */
  constructor(description: Description, { isDetached }: { isDetached: boolean }) {
    this.#description = description;
    this.#isDetached = isDetached;
  }

  /**
   * Works out what the machine is; pulls the image when it is missing.
   *
   * @param options whether it goes on without this object and this process, beside what it is
   * @throws {SmolvmError} for anything that cannot be honoured.
   */
  static async create(options: DescribeOptions & { isDetached: boolean }): Promise<EphemeralMachine> {
    return new EphemeralMachine(await describeMachine(options, { boots: true }), options);
  }

  /** What it is. */
  get record(): MachineRecord {
    return this.#description.machine;
  }

  /** Whether it was not started yet, so that nobody else can see it. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Whether it was started, if only to fail. */
  get isStarted(): boolean {
    return this.#run !== undefined;
  }

  /** Whether disposing of this object ends it. */
  get isHeld(): boolean {
    return this.#isNew || !this.#isDetached;
  }

  /**
   * Boots it; settles when its command runs.
   *
   * @throws {SmolvmError} `machine-state` when it was started before; for why it cannot be started; the reason of the
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
      terminal: machine.command.tty ? UNSEEN_TERMINAL : undefined,
      stdin: machine.command.stdin,
      ...host,
    });
    this.#run = this.#boot(launch, signal ? AbortSignal.any([signal, this.#left.signal]) : this.#left.signal);
    const { pid, spec } = await this.#run;
    return { pid, log: commandLogFile(spec.folder) };
  }

  async #boot(launch: Launch, signal: AbortSignal): Promise<Run> {
    const { spec } = launch;
    const { runner, pid, tidied } = await boot(launch, signal);
    if (this.#isDetached) {
      await tidied;
      await runner.release();
    }
    return { runner, pid, spec, watch: new EndWatch(spec) };
  }

  /**
   * Settles when it has ended, if it was started, with the exit code of its command; also when nothing of it is left.
   *
   * @throws {SmolvmError} for why it could not be started.
   */
  async wait(): Promise<number> {
    const { watch, runner } = await this.#run!;
    const code = await watch.exitCode();
    await runner.exited;
    return code;
  }

  /** Ends it, if it still runs, and removes all of it; leaves one that is detached and runs to itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isNew) this.#description.root[Symbol.dispose]();
    this.#isNew = false;
    this.#left.abort(new SmolvmError("interrupted", `Machine "${this.record.name}" was ended while it started`));
    const run = await this.#run?.catch(() => {}); // Its starter gets the error.
    if (run && !this.#isDetached) await releaseMachine(run.runner, run.spec);
  }
}

import { SmolvmError } from "../errors.ts";
import { commandLogFile } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { boot, letGo } from "./boot.ts";
import { describeMachine, type MachineOptions } from "./describe.ts";
import { ephemeralFolders, type Launch, launchOf, type RunOptions } from "./launch.ts";
import type { RunnerProcess } from "./runner_process.ts";
import { type BackgroundMachine, commandLogLimits } from "./start.ts";
import { UNSEEN_TERMINAL } from "./unseen_terminal.ts";

/** A machine that runs by itself once, and of which nothing is left when it has ended. */
export class EphemeralMachine implements AsyncDisposable {
  readonly record: MachineRecord;
  readonly #launch: Launch;
  #state: "created" | "started" | "over" = "created";
  #runner: RunnerProcess | undefined;

  private constructor(record: MachineRecord, launch: Launch) {
    this.record = record;
    this.#launch = launch;
  }

  /**
   * Works out what the machine is; pulls the image when it is missing.
   *
   * @param running whether the machine ends with this object and this process, if it is `held`
   * @throws {SmolvmError} for anything that cannot be honoured.
   */
  static async create(
    options: MachineOptions,
    running: Pick<RunOptions, "held" | "bootTimeoutMs">,
  ): Promise<EphemeralMachine> {
    const commandLog = await commandLogLimits();
    const { machine, root } = await describeMachine(options, { boots: true });
    const launch = launchOf(machine, root, ephemeralFolders(machine.id), {
      ...running,
      ephemeral: true,
      attached: false,
      terminal: options.tty ? UNSEEN_TERMINAL : undefined,
      stdin: options.stdin,
      commandLog,
      onPhase: options.onPhase,
    });
    return new EphemeralMachine(machine, launch);
  }

  /** Whether it was not started yet, so that nobody else can see it. */
  get isNew(): boolean {
    return this.#state === "created";
  }

  /**
   * Boots it; settles when its command runs. Aborting `signal` gives it up.
   *
   * @throws {SmolvmError} `machine-state` when it was started before; for why it cannot be started.
   */
  async start(signal?: AbortSignal): Promise<BackgroundMachine> {
    if (this.#state !== "created") {
      throw new SmolvmError("machine-state", `Machine "${this.record.name}" is ephemeral: it can be started only once`);
    }
    this.#state = "started";
    using launch = this.#launch;
    const { runner, pid } = await boot(launch, signal);
    if (launch.spec.held) this.#runner = runner;
    else await runner.release();
    return { pid, log: commandLogFile(launch.spec.folder) };
  }

  /** Ends one that is held, if it still runs, and removes all of it; leaves a detached one that runs to itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isNew) this.#launch[Symbol.dispose]();
    this.#state = "over";
    if (this.#runner) await letGo(this.#runner, this.#launch.spec);
  }
}

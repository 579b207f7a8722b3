import { SmolvmError } from "../errors.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { boot, letGo } from "./boot.ts";
import { describeMachine, type MachineOptions } from "./describe.ts";
import { ephemeralFolders, type Launch, launchOf } from "./launch.ts";
import type { RunnerProcess } from "./runner_process.ts";
import { commandLogLimits, UNSEEN_TERMINAL } from "./start.ts";

/** How long a guest may take to boot, in ms. */
export interface HeldOptions {
  bootTimeoutMs: number;
}

/** A machine that this process holds: it is started once, and all of it goes with this object or this process. */
export class HeldMachine implements AsyncDisposable {
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
   * @throws {SmolvmError} for anything that cannot be honoured.
   */
  static async create(options: MachineOptions, { bootTimeoutMs }: HeldOptions): Promise<HeldMachine> {
    const terminal = options.tty ? UNSEEN_TERMINAL : undefined;
    const commandLog = await commandLogLimits();
    const { machine, root } = await describeMachine(options, { boots: true });
    const running = { ephemeral: true, attached: false, terminal, stdin: options.stdin, commandLog, bootTimeoutMs };
    return new HeldMachine(machine, launchOf(machine, root, ephemeralFolders(machine.id), running));
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
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#state !== "created") {
      throw new SmolvmError("machine-state", `Machine "${this.record.name}" is ephemeral: it can be started only once`);
    }
    this.#state = "started";
    using launch = this.#launch;
    this.#runner = (await boot(launch, signal)).runner;
  }

  /** Ends it, if it still runs, and removes all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const before = this.#state;
    this.#state = "over";
    if (before === "created") this.#launch[Symbol.dispose]();
    if (this.#runner) await letGo(this.#runner, this.#launch.spec);
  }
}

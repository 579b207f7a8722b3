import type { RunnerProcess } from "../link/runner_process.ts";
import { Attachment, type CommandIo, isDisconnect } from "../protocol/attachment.ts";
import type { ExitStatus } from "../protocol/messages.ts";
import { controlSocket, type RunnerSpec } from "../runner_interface/spec.ts";
import { boot, type Booted, releaseMachine } from "./boot.ts";
import type { Launch } from "./launch.ts";
import { NetworkWatch } from "./network_watch.ts";

export type { CommandIo, ExitStatus };

/** A command in a machine, connected to this process's streams. */
export interface AttachedCommand extends AsyncDisposable {
  /** The connection to the command. */
  readonly attachment: Attachment;
  /**
   * Returns how the command ended, after all its output is written.
   *
   * @throws {SmolvmError} when the command could not be started, or the machine ended before the command did.
   */
  finish(): Promise<ExitStatus>;
}

/**
 * A machine that this process started and whose command is connected to this process's streams. An ephemeral machine
 * ends with this object.
 */
export class AttachedMachine implements AttachedCommand {
  readonly attachment: Attachment;
  readonly #runner: RunnerProcess;
  readonly #spec: RunnerSpec;
  readonly #network: NetworkWatch;
  readonly #cleanedUp: Promise<void>;
  #isLeft = false;

  private constructor(
    { runner, cleanedUp }: Booted,
    { spec, attachment }: { spec: RunnerSpec; attachment: Attachment },
  ) {
    this.#runner = runner;
    this.#cleanedUp = cleanedUp;
    this.#spec = spec;
    this.attachment = attachment;
    this.#network = new NetworkWatch(spec);
  }

  /**
   * Starts a machine and attaches to its command; cancels the start when `signal` is aborted.
   *
   * @throws {SmolvmError} when the machine cannot be started; the reason of `signal`. Nothing of the run is left then.
   */
  static async start(launch: Launch, io: CommandIo, signal?: AbortSignal): Promise<AttachedMachine> {
    const { spec } = launch;
    const booted = await boot(launch, signal);
    const { runner } = booted;
    try {
      return new AttachedMachine(booted, { spec, attachment: await Attachment.open(controlSocket(spec), io) });
    } catch (error) {
      const cause = isDisconnect(error) ? await runner.causeOfDeath(spec) : error;
      await releaseMachine(runner, spec);
      throw cause;
    }
  }

  /**
   * Returns how the command ended, after all its output is written and the machine is gone.
   *
   * @throws {SmolvmError} when the command could not be started, or the machine ended before the command did.
   */
  async finish(): Promise<ExitStatus> {
    try {
      using _network = this.#network;
      const status = await this.attachment.finish();
      if (status) return status;
      const cause = await this.#runner.causeOfDeath(this.#spec);
      // The runner stays until its client has read the cause.
      await this.#runner.release();
      throw cause;
    } finally {
      await this.#cleanedUp;
      // A persistent machine may keep running: after this object is disposed of, do not wait for it.
      if (!this.#isLeft) await this.#runner.exited;
    }
  }

  /** Detaches from the machine. Ends an ephemeral machine that still runs, and removes all its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeft = true;
    this.#network[Symbol.dispose]();
    this.attachment.close();
    await releaseMachine(this.#runner, this.#spec);
    await this.#cleanedUp;
  }
}

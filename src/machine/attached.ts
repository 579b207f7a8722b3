import { exists } from "../host/files.ts";
import type { ExitStatus } from "../protocol/messages.ts";
import { controlSocket, type RunnerSpec } from "../runner/spec.ts";
import { removeEphemeralMachine } from "../state/ephemeral.ts";
import { Attachment, type CommandIo, isDisconnect } from "../protocol/attachment.ts";
import type { Launch } from "./launch.ts";
import type { RunnerProcess } from "./runner_process.ts";
import { takeRunner } from "./spare_runner.ts";

export type { CommandIo, ExitStatus };

/** A command in a machine that has this process's streams. */
export interface AttachedCommand extends AsyncDisposable {
  /** The connection to it. */
  readonly attachment: Attachment;
  /**
   * How it ended, once its output is written.
   *
   * @throws {SmolvmError} when it could not be started, or the machine ended before it.
   */
  finish(): Promise<ExitStatus>;
}

/** A machine that this process started and whose command has its streams. An ephemeral one ends with this object. */
export class AttachedMachine implements AttachedCommand {
  readonly #runner: RunnerProcess;
  readonly #spec: RunnerSpec;
  #attachment: Attachment | undefined;

  private constructor(runner: RunnerProcess, spec: RunnerSpec) {
    this.#runner = runner;
    this.#spec = spec;
  }

  /**
   * Starts a machine and attaches to its command.
   *
   * @throws {SmolvmError} for why it cannot be started; nothing is left then.
   */
  static async start({ spec, prefix }: Launch, io: CommandIo): Promise<AttachedMachine> {
    const machine = new AttachedMachine(takeRunner(prefix), spec);
    try {
      await machine.#runner.start(spec);
      machine.#attachment = await Attachment.open(controlSocket(spec), io);
      return machine;
    } catch (error) {
      const cause = isDisconnect(error) ? await machine.#runner.causeOfDeath(spec) : error;
      await machine[Symbol.asyncDispose]();
      throw cause;
    }
  }

  /** The connection to its command. */
  get attachment(): Attachment {
    return this.#attachment!;
  }

  /**
   * How the command ended, once its output is written and the machine is gone.
   *
   * @throws {SmolvmError} when the command could not be started, or the machine ended before it.
   */
  async finish(): Promise<ExitStatus> {
    try {
      const status = await this.attachment.finish();
      if (!status) throw await this.#runner.causeOfDeath(this.#spec);
      return status;
    } finally {
      await this.#runner.exited;
    }
  }

  /** Lets go of the machine. An ephemeral one ends, if it still runs, and all of it is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner.release();
    if (!this.#spec.ephemeral) return;
    await this.#runner.exited;
    // The runner has done so already, unless it died before it could. The folder goes last.
    if (exists(this.#spec.folder)) await removeEphemeralMachine({ ...this.#spec, ...this.#spec.machine });
  }
}

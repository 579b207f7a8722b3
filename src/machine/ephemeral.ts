import type { ExitStatus } from "../protocol/messages.ts";
import { controlSocket, type RunnerSpec } from "../runner/spec.ts";
import { removeEphemeralMachine } from "../state/ephemeral.ts";
import { Attachment, type CommandIo, isDisconnect } from "./attachment.ts";
import type { Launch } from "./launch.ts";
import type { RunnerProcess } from "./runner_process.ts";
import { takeRunner } from "./spare_runner.ts";

export type { ExitStatus };

/** A machine that lives and dies with this object. */
export class EphemeralMachine implements AsyncDisposable {
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
  static async start({ spec, prefix }: Launch, io: CommandIo): Promise<EphemeralMachine> {
    const machine = new EphemeralMachine(takeRunner(prefix), spec);
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
    const status = await this.attachment.finish();
    if (!status) throw await this.#runner.causeOfDeath(this.#spec);
    await this.#runner.exited;
    return status;
  }

  /** Ends the machine, if it still runs, and removes all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner.release();
    await this.#runner.exited;
    // The runner has done so already, unless it died before it could. The folder goes last.
    if (await exists(this.#spec.folder)) await removeEphemeralMachine(this.#spec);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

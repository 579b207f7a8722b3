import { SmolvmError } from "../errors.ts";
import { killProcessId } from "../host/by_sh.ts";
import type { RunnerSpec } from "../runner/spec.ts";
import { toError } from "../state/error_record.ts";
import { consoleLog, runnerLog } from "../state/machine_folders.ts";
import { decodeStart } from "../state/start_report.ts";
import { readStatus } from "../state/status.ts";
import { tailOf } from "../state/tail.ts";
import { spawnRunner } from "./spawn_runner.ts";

/** How many lines of each log an unexpected end is told with. */
const LAST_WORDS = 5;

/** A runner that was started, and the pipe that keeps it alive. */
export class RunnerProcess {
  readonly #process: Deno.ChildProcess;
  readonly #lifeline: WritableStreamDefaultWriter<Uint8Array>;
  #hasReported = false;

  /** Starts a runner that waits for its specification. `prefix` is the command that puts it into its namespaces. */
  constructor(prefix: readonly string[]) {
    this.#process = spawnRunner(prefix);
    // Whoever has nothing left to do but to hold a machine ends.
    this.#process.unref();
    this.#lifeline = this.#process.stdin.getWriter();
  }

  /** Settles when the process is gone, and with it the VM. */
  get exited(): Promise<Deno.CommandStatus> {
    this.#process.ref();
    return this.#process.status;
  }

  /**
   * Hands the machine over; settles with the process id of its VM once it can be attached to, or its command runs if
   * nobody attaches.
   *
   * @throws {SmolvmError} for why it cannot be started.
   */
  async start(spec: RunnerSpec): Promise<number> {
    // Whoever waits for its start does not.
    this.#process.ref();
    try {
      await this.#lifeline.write(new TextEncoder().encode(`${JSON.stringify(spec)}\n`)).catch(() => {
        // It is gone already; what follows finds out why.
      });
      const report = await this.#readReport();
      this.#hasReported = report !== undefined;
      if (report === undefined) throw await this.causeOfDeath(spec);
      return decodeStart(report);
    } finally {
      this.#process.unref();
    }
  }

  /** The line that the runner writes, or `undefined` when it is gone without one. */
  async #readReport(): Promise<string | undefined> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const end = text.indexOf("\n");
      if (end >= 0) return text.slice(0, end);
    }
  }

  /** Lets go of the runner: it ends its ephemeral machine and removes what that left. */
  async release(): Promise<void> {
    await this.#lifeline.close().catch(() => {
      // It is gone already.
    });
  }

  /** Ends a runner that nobody wants any more, with all that it is behind: that may wait for it as for a child. */
  async kill(): Promise<void> {
    try {
      killProcessId(-this.#process.pid);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.exited;
  }

  /** Whether the VM took the runner along before the guest's kernel had said a word, and without a reason. */
  async diedSilently({ folder }: RunnerSpec): Promise<boolean> {
    if (this.#hasReported || (await this.exited).code !== 0 || readStatus(folder)?.error) return false;
    return (await tailOf(consoleLog(folder), 1)).length === 0;
  }

  /** Why the runner ended or is about to, by what it wrote last. */
  async causeOfDeath(spec: RunnerSpec): Promise<SmolvmError> {
    const error = readStatus(spec.folder)?.error;
    if (error) return toError(error);
    const { code, signal } = await this.exited;
    const stderr = await new Response(this.#process.stderr).text();
    const words = [
      ...stderr.split("\n").filter((line) => line.trim() !== "").slice(-LAST_WORDS),
      ...await tailOf(runnerLog(spec.folder), LAST_WORDS),
      ...await tailOf(consoleLog(spec.folder), LAST_WORDS),
    ];
    const how = signal ? `killed by ${signal}` : `exit code ${code}`;
    return new SmolvmError("guest", [`The VM ended unexpectedly (${how})`, ...words].join("\n  "));
  }
}

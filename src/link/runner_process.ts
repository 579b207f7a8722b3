import { SmolvmError } from "../errors.ts";
import { tailOf } from "../host/tail.ts";
import { startTimer } from "../host/timer.ts";
import { JAIL_FAILED, jailFailure } from "../jail/prefix.ts";
import { encodeRunnerSpec, type RunnerSpec } from "../runner_interface/spec.ts";
import { decodeStart } from "../runner_interface/start_report.ts";
import { toError } from "../state/error_record.ts";
import { consoleLog, runnerLog } from "../state/machine_folders.ts";
import { readStatus } from "../state/status.ts";
import { ChildLink, type RunnerEnd, type RunnerLink } from "./runner_link.ts";
import { spawnRunner } from "./spawn_runner.ts";

/** How often a VM is booted that dies before its kernel says a word. */
export const BOOT_ATTEMPTS = 3;
/** How long a runner may take to end once it is let go of, in ms. */
const END_MS = 30_000;
/** How many lines of each log an unexpected end is told with. */
const LAST_WORDS = 5;

/** A runner, and what keeps it alive. */
export class RunnerProcess {
  readonly #link: RunnerLink;
  #hasReported = false;

  constructor(link: RunnerLink) {
    this.#link = link;
    // A process that only holds a machine does not stay alive for it.
    link.unref();
  }

  /** Starts a runner that waits for its specification. `prefix` is the command that stands before its own. */
  static spawn(prefix: readonly string[]): RunnerProcess {
    return new RunnerProcess(new ChildLink(spawnRunner(prefix)));
  }

  /** Settles when the process is gone, and with it the VM. */
  get exited(): Promise<RunnerEnd | undefined> {
    this.#link.ref();
    return this.#link.exited;
  }

  /**
   * Hands the machine over; settles with the process id of its VM once it can be attached to, or its command runs if
   * nobody attaches.
   *
   * @throws {SmolvmError} for why it cannot be started.
   */
  async start(spec: RunnerSpec): Promise<number> {
    await this.send(spec);
    return await this.started(spec);
  }

  /** Hands the machine over; to be followed by {@linkcode started}. */
  async send(spec: RunnerSpec): Promise<void> {
    // It stays alive for a start.
    this.#link.ref();
    await this.#link.send(`${encodeRunnerSpec(spec)}\n`);
  }

  /**
   * Settles like {@linkcode start} for a machine that was handed over.
   *
   * @throws {SmolvmError} for why it cannot be started.
   */
  async started(spec: RunnerSpec): Promise<number> {
    try {
      const report = await this.#link.readReport();
      this.#hasReported = report !== undefined;
      if (report === undefined) throw await this.causeOfDeath(spec);
      return decodeStart(report);
    } finally {
      this.#link.unref();
    }
  }

  /** Lets go of the runner: it ends its ephemeral machine and removes what that left. */
  async release(): Promise<void> {
    await this.#link.release();
  }

  /** The same, and settles when it is gone: one that its guest has taken over may not heed that, and is killed. */
  async end(patienceMs = END_MS): Promise<void> {
    using _ = startTimer(patienceMs, () => this.kill());
    await this.release();
    await this.exited;
  }

  /** Ends a runner that nobody wants any more. */
  async kill(): Promise<void> {
    await this.#link.kill();
    await this.exited;
  }

  /**
   * Whether nothing of the machine has run, and it can be tried again: the VM took the runner along before the guest's
   * kernel had said a word, or had waited for too long, and without a reason.
   */
  async diedSilently({ folder }: RunnerSpec): Promise<boolean> {
    if (this.#hasReported || readStatus(folder)?.error) return false;
    if (this.#link.hasBooted) return true;
    return (await this.exited)?.code === 0 && !readStatus(folder)?.error && tailOf(consoleLog(folder), 1).length === 0;
  }

  /** Why the runner ended or is about to, by what it wrote last. */
  async causeOfDeath(spec: RunnerSpec): Promise<SmolvmError> {
    const error = readStatus(spec.folder)?.error;
    if (error) return toError(error);
    const end = await this.exited;
    const stderr = await this.#link.readStderr();
    if (end?.code === JAIL_FAILED && stderr.includes("smolvm-jail: ")) return jailFailure(stderr);
    const words = [
      ...stderr.split("\n").filter((line) => line.trim() !== "").slice(-LAST_WORDS),
      ...tailOf(runnerLog(spec.folder), LAST_WORDS),
      ...tailOf(consoleLog(spec.folder), LAST_WORDS),
    ];
    const how = end === undefined
      ? "exit code unknown"
      : end.signal
      ? `killed by ${end.signal}`
      : `exit code ${end.code}`;
    return new SmolvmError("guest", [`The VM ended unexpectedly (${how})`, ...words].join("\n  "));
  }
}

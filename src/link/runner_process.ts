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

/** How often to boot a VM that dies before its kernel prints anything. */
export const BOOT_ATTEMPTS = 3;
/** How long a runner may take to exit after its release, in ms. */
const END_MS = 30_000;
/** How many lines of each log the error for an unexpected end contains. */
const ERROR_LINES = 5;

/** A runner, and the link that keeps it alive. */
export class RunnerProcess {
  readonly #link: RunnerLink;
  #hasReported = false;

  constructor(link: RunnerLink) {
    this.#link = link;
    // Holding a machine must not keep this process alive.
    link.unref();
  }

  /** Starts a runner that waits for its specification. `prefix` is the command that runs it, such as `smolvm-jail`. */
  static spawn(prefix: readonly string[]): RunnerProcess {
    return new RunnerProcess(new ChildLink(spawnRunner(prefix)));
  }

  /** Settles when the process, and with it the VM, has exited. */
  get exited(): Promise<RunnerEnd | undefined> {
    this.#link.ref();
    return this.#link.exited;
  }

  /**
   * Sends the specification. Settles with the process id of the VM once this process can attach to its command or, if
   * it does not attach, once the command runs.
   *
   * @throws {SmolvmError} for the reason why the machine cannot be started.
   */
  async start(spec: RunnerSpec): Promise<number> {
    await this.send(spec);
    return await this.started(spec);
  }

  /** Sends the specification. Call {@linkcode started} next. */
  async send(spec: RunnerSpec): Promise<void> {
    // A start keeps this process alive.
    this.#link.ref();
    await this.#link.send(`${encodeRunnerSpec(spec)}\n`);
  }

  /**
   * Settles like {@linkcode start}, after {@linkcode send}.
   *
   * @throws {SmolvmError} for the reason why the machine cannot be started.
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

  /** Releases the runner: it stops its ephemeral machine and removes the machine's files. */
  async release(): Promise<void> {
    await this.#link.release();
  }

  /** Releases the runner and waits for its exit. A runner that does not exit in time, perhaps taken over, is killed. */
  async end(patienceMs = END_MS): Promise<void> {
    using _ = startTimer(patienceMs, () => this.kill());
    await this.release();
    await this.exited;
  }

  /** Kills a runner that is no longer needed. */
  async kill(): Promise<void> {
    await this.#link.kill();
    await this.exited;
  }

  /**
   * Whether nothing has run in the machine, so that the caller can retry: without an error, the VM died before the
   * guest's kernel printed anything, or a warm machine exited because it had waited for too long.
   */
  async diedSilently({ folder }: RunnerSpec): Promise<boolean> {
    if (this.#hasReported || readStatus(folder)?.error) return false;
    if (this.#link.hasBooted) return true;
    return (await this.exited)?.code === 0 && !readStatus(folder)?.error && tailOf(consoleLog(folder), 1).length === 0;
  }

  /** Why the runner has ended or is about to, with the last lines it wrote. */
  async causeOfDeath(spec: RunnerSpec): Promise<SmolvmError> {
    const error = readStatus(spec.folder)?.error;
    if (error) return toError(error);
    const end = await this.exited;
    const stderr = await this.#link.readStderr();
    if (end?.code === JAIL_FAILED && stderr.includes("smolvm-jail: ")) return jailFailure(stderr);
    const words = [
      ...stderr.split("\n").filter((line) => line.trim() !== "").slice(-ERROR_LINES),
      ...tailOf(runnerLog(spec.folder), ERROR_LINES),
      ...tailOf(consoleLog(spec.folder), ERROR_LINES),
    ];
    const how = end === undefined
      ? "exit code unknown"
      : end.signal
      ? `killed by ${end.signal}`
      : `exit code ${end.code}`;
    return new SmolvmError("guest", [`The VM ended unexpectedly (${how})`, ...words].join("\n  "));
  }
}

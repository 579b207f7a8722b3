import { killProcessId } from "../host/by_sh.ts";
import { SmolvmError } from "../errors.ts";
import { START_REPORT_MAX } from "../runner_interface/start_report.ts";

/** How much of a runner's standard error to read, in bytes. */
export const STDERR_MAX = 64 * 1024;

/** How a runner ended. */
export interface RunnerEnd {
  code: number;
  /** Such as `SIGKILL`. */
  signal: string | null;
}

/** A client's connection to a runner. A machine that the client must hold ends when the connection closes. */
export interface RunnerLink {
  /** Whether the machine had booted before this process took it. */
  readonly hasBooted: boolean;
  /** Settles when the runner has exited and was cleaned up; `undefined`: its exit status is unknown. */
  readonly exited: Promise<RunnerEnd | undefined>;
  /** Sends the line with the specification; ignores a runner that is gone. */
  send(line: string): Promise<void>;
  /** Returns the runner's start report, or `undefined` when it exited without one. */
  readReport(): Promise<string | undefined>;
  /** Returns what the runner wrote to standard error before its machine had a log. */
  readStderr(): Promise<string>;
  /** Closes the runner's input. */
  release(): Promise<void>;
  /** Kills the runner and its VM at once. */
  kill(): Promise<void> | void;
  /** Keeps this process's event loop alive; `unref` no longer does. */
  ref(): void;
  unref(): void;
}

/** The link to a child process. */
export class ChildLink implements RunnerLink {
  readonly hasBooted = false;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
  }

  get exited(): Promise<RunnerEnd> {
    return this.#process.status;
  }

  async send(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(line)).catch(() => {});
  }

  async readReport(): Promise<string | undefined> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const end = text.indexOf("\n");
      if (end >= 0) return text.slice(0, end);
      checkReportLength(text);
    }
  }

  async readStderr(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#process.stderr) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > STDERR_MAX) break;
    }
    return text;
  }

  async release(): Promise<void> {
    await this.#input.close().catch(() => {
      // The runner is gone already.
    });
  }

  /** Kills the whole process group: it may include the supervisor, whose child the runner is. */
  kill(): void {
    try {
      killProcessId(-this.#process.pid);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  ref(): void {
    this.#process.ref();
  }

  unref(): void {
    this.#process.unref();
  }
}

/**
 * Refuses a report that is too long.
 *
 * @throws {SmolvmError} `internal`.
 */
export function checkReportLength(text: string): void {
  if (text.length > START_REPORT_MAX) throw new SmolvmError("internal", "Start report does not end");
}

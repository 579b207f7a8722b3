import { killProcessId } from "../host/by_sh.ts";
import { SmolvmError } from "../errors.ts";
import { START_REPORT_MAX } from "../runner_interface/start_report.ts";

/** How much of a runner's standard error is read, in bytes. */
export const STDERR_MAX = 64 * 1024;

/** How a runner ended. */
export interface RunnerEnd {
  code: number;
  /** Such as `SIGKILL`. */
  signal: string | null;
}

/** What connects this process with a runner, which lives no longer than that where it is to be held. */
export interface RunnerLink {
  /** Whether the runner's machine had booted before it was ours. */
  readonly hasBooted: boolean;
  /** Settles when nothing of the runner is left; `undefined`: how it ended is not known. */
  readonly exited: Promise<RunnerEnd | undefined>;
  /** Hands over the line with the specification; one that is gone already does not mind. */
  send(line: string): Promise<void>;
  /** The line that the runner writes, or `undefined` when it is gone without one. */
  readReport(): Promise<string | undefined>;
  /** What it wrote before its machine had a log. */
  readStderr(): Promise<string>;
  /** Lets go of the runner. */
  release(): Promise<void>;
  /** Ends it at once, and what is behind it. */
  kill(): Promise<void> | void;
  /** Keeps this process alive, or not. */
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
      // It is gone already.
    });
  }

  /** With its group: who waits for it may be in there, as for a child. */
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

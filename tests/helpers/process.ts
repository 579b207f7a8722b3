/**
 * Runs programs in tests, with a deadline, and with output that can be awaited while they run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { killChild } from "../../src/host/child_process.ts";

/** How a program ended, and all its output. */
export interface Outcome {
  /** `128 + n` if signal n ended it, as in a shell. */
  code: number;
  stdout: string;
  stderr: string;
  /** The raw standard output. */
  bytes: Uint8Array<ArrayBuffer>;
}

export interface ProcessOptions {
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** After this time the program is killed and the test fails. */
  timeoutMs?: number;
}

/** Long, because a loaded host takes minutes where others take seconds. */
const TIMEOUT_MS = 300_000;

/** A running program. Its input is open until {@linkcode Process.end} or {@linkcode Process.finish}. */
export class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: Capture;
  readonly #stderr: Capture;
  readonly #outcome: Promise<Outcome>;

  constructor(command: string, { timeoutMs = TIMEOUT_MS, ...options }: ProcessOptions) {
    const name = [command, ...options.args].join(" ").slice(0, 500);
    this.#child = new Deno.Command(command, { ...options, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdout = new Capture(this.#child.stdout);
    this.#stderr = new Capture(this.#child.stderr);
    this.#outcome = this.#run(name, timeoutMs);
    // A failed test does not await the outcome; its rejection must not count as unhandled.
    this.#outcome.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal, unless the program has ended. */
  kill(signal: Deno.Signal): void {
    killChild(this.#child, signal);
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#stdin.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Ends the input. */
  async end(): Promise<void> {
    await this.#stdin.close().catch(() => {
      // The program has closed its input, or the input has already ended.
    });
  }

  /** Settles when the standard output matches; the next call continues after the match. */
  async untilStdout(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#until(this.#stdout, pattern);
  }

  /** Settles when the standard error matches. */
  async untilStderr(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#until(this.#stderr, pattern);
  }

  /** Ends the input and waits until the program exits. */
  async finish(): Promise<Outcome> {
    await this.end();
    return await this.#outcome;
  }

  /** Waits until the program exits; leaves its input open. */
  get outcome(): Promise<Outcome> {
    return this.#outcome;
  }

  /** Kills the program if a failed test left it running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.end();
    await this.#child.status;
  }

  async #run(name: string, timeoutMs: number): Promise<Outcome> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill("SIGKILL");
    }, timeoutMs);
    const [status, bytes] = await Promise.all([this.#child.status, this.#stdout.ended, this.#stderr.ended]);
    clearTimeout(timer);
    const [stdout, stderr] = [this.#stdout.text, this.#stderr.text];
    if (late) {
      const end = (text: string) => text.slice(-2000);
      throw new Error(`${name} did not end within ${timeoutMs} ms\nstdout: ${end(stdout)}\nstderr: ${end(stderr)}`);
    }
    // After a signal, Deno's code is 128 + n, as in a shell.
    return { code: status.code, stdout, stderr, bytes };
  }

  async #until(capture: Capture, pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.#outcome.then(({ code, stdout, stderr }) => {
      // The match may be in its last output.
      return capture.match(pattern) ??
        Promise.reject(
          new Error(`Exited with ${code} before it printed ${pattern}\nstdout: ${stdout}\nstderr: ${stderr}`),
        );
    });
    return await Promise.race([capture.until(pattern), ended]);
  }
}

/** Runs a program until it exits, with `input` on its standard input. */
export async function runProcess(
  command: string,
  { input, ...options }: ProcessOptions & { input?: string | Uint8Array | undefined },
): Promise<Outcome> {
  await using process = new Process(command, options);
  // Not awaited: a program may exit without reading its input.
  if (input !== undefined) process.write(input).then(() => process.end(), () => {});
  else await process.end();
  return await process.outcome;
}

/** Fails with all output unless the program ended with `code`. */
export function assertCode({ code, stdout, stderr }: Outcome, expected: number): void {
  assert.equal(code, expected, `exit code ${code}\nstdout: ${stdout.slice(-2000)}\nstderr: ${stderr.slice(-2000)}`);
}

/** The output of a stream so far. */
class Capture {
  /** All output, when the stream has ended. */
  readonly ended: Promise<Uint8Array<ArrayBuffer>>;
  readonly #chunks: Uint8Array[] = [];
  readonly #decoder = new TextDecoder();
  #text = "";
  #matched = 0;
  #more = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  get text(): string {
    return this.#text;
  }

  match(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.#text.slice(this.#matched));
    if (match === null) return undefined;
    this.#matched += match.index + match[0].length;
    return match;
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const more = this.#more.promise;
      const match = this.match(pattern);
      if (match !== undefined) return match;
      await more;
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#text += this.#decoder.decode(chunk, { stream: true });
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
    return await new Blob(this.#chunks as BlobPart[]).bytes();
  }
}

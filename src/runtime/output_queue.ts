import { SmolvmError } from "../errors.ts";

/** A part of what a command writes. */
export interface OutputChunk {
  /** Which of its streams it wrote it to; on a terminal all is `stdout`. */
  stream: "stdout" | "stderr";
  /** Never empty. */
  data: Uint8Array;
}

/** What may wait for a reader that iterates before the command is held back, in bytes. */
const HIGH_WATER = 256 * 1024;

/** The output of a command between its connection and whoever wants it: all at once, or as it comes. */
export class OutputQueue {
  readonly #limit: number;
  #chunks: OutputChunk[] = [];
  #bytes = 0;
  /** Whether somebody takes chunks as they come. */
  #isRead = false;
  #isOver = false;
  #changed = Promise.withResolvers<void>();

  /** @param limit of what is kept while nobody takes it, in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Adds a chunk; settles when there is room for more.
   *
   * @throws {SmolvmError} `guest` when nobody takes what the command writes, and it is too much to be kept.
   */
  async push(chunk: OutputChunk): Promise<void> {
    if (this.#isOver) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.data.length;
    if (!this.#isRead && this.#bytes > this.#limit) {
      throw new SmolvmError("guest", `The command wrote more than ${this.#limit} bytes`, {
        hint: "Take its output as it comes: iterate over the command, or set outputLimitBytes.",
      });
    }
    this.#notify();
    while (this.#isRead && this.#bytes > HIGH_WATER && !this.#isOver) await this.#changed.promise;
  }

  /** No more will come, or is wanted. */
  end(): void {
    this.#isOver = true;
    this.#notify();
  }

  /** Each chunk, from the first that was not taken yet to the end. */
  async *read(): AsyncGenerator<OutputChunk, void> {
    this.#isRead = true;
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#bytes -= chunk.data.length;
        this.#notify();
        yield chunk;
      } else if (this.#isOver) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  /** What was not taken, as text. */
  takeText(): Record<OutputChunk["stream"], string> {
    const text = { stdout: "", stderr: "" };
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    for (const { stream, data } of this.#chunks) text[stream] += decoders[stream].decode(data, { stream: true });
    this.#chunks = [];
    for (const stream of ["stdout", "stderr"] as const) text[stream] += decoders[stream].decode();
    return text;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

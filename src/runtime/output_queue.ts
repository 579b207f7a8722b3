import { SmolvmError } from "../errors.ts";
import { GrowingBytes } from "./growing_bytes.ts";

/** A part of what a command writes. */
export interface OutputChunk {
  /** Which of its streams it wrote it to; on a terminal all is `stdout`. */
  stream: "stdout" | "stderr";
  /** Never empty. */
  data: Uint8Array;
}

/** What may wait for a reader that iterates before the command is held back, in bytes. */
const HIGH_WATER = 256 * 1024;
/** What each change of streams counts, in bytes, beside the data: a guest may do that with every byte. */
const OVERHEAD = 256;

/** The output of a command between its connection and whoever wants it: all at once, or as it comes. */
export class OutputQueue {
  readonly #limit: number;
  /** What came on one stream, until another had its turn. */
  #chunks: { stream: OutputChunk["stream"]; data: GrowingBytes }[] = [];
  #size = 0;
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
  async push({ stream, data }: OutputChunk): Promise<void> {
    if (this.#isOver) return;
    let last = this.#chunks.at(-1);
    if (last?.stream !== stream) {
      last = { stream, data: new GrowingBytes() };
      this.#chunks.push(last);
      this.#size += OVERHEAD;
    }
    last.data.add(data);
    this.#size += data.length;
    if (!this.#isRead && this.#size > this.#limit + OVERHEAD) {
      throw new SmolvmError("guest", `The command wrote more than ${this.#limit} bytes`, {
        hint: "Take its output as it comes: iterate over the command, or set outputLimitBytes.",
      });
    }
    this.#notify();
    while (this.#isRead && this.#size > HIGH_WATER && !this.#isOver) await this.#changed.promise;
  }

  /** No more will come, or is wanted. */
  end(): void {
    this.#isOver = true;
    this.#notify();
  }

  /** What was not taken yet, and then what comes, to the end. */
  async *read(): AsyncGenerator<OutputChunk, void> {
    this.#isRead = true;
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#size -= chunk.data.length + OVERHEAD;
        this.#notify();
        yield { stream: chunk.stream, data: chunk.data.take() };
      } else if (this.#isOver) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  /** What was not taken, as text; nothing when somebody takes it as it comes, who is to have all of it. */
  takeText(): Record<OutputChunk["stream"], string> {
    const text = { stdout: "", stderr: "" };
    if (this.#isRead) return text;
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    for (const { stream, data } of this.#chunks) text[stream] += decoders[stream].decode(data.take(), { stream: true });
    this.#chunks = [];
    for (const stream of ["stdout", "stderr"] as const) text[stream] += decoders[stream].decode();
    return text;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

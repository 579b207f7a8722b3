import { SmolvmError } from "../errors.ts";
import { GrowingBytes } from "./growing_bytes.ts";

/** A part of a command's output. */
export interface OutputChunk {
  /** The stream it was written to; on a terminal always `stdout`. */
  stream: "stdout" | "stderr";
  /** Never empty. */
  data: Uint8Array;
}

/** How many bytes to buffer for an iterating reader before the command must wait. */
const HIGH_WATER = 256 * 1024;
/** Bytes to count for each change of streams, besides the data: a guest may change streams with every byte. */
const OVERHEAD = 256;

/** Buffers a command's output for a reader that reads it as it arrives, or all of it at the end. */
export class OutputQueue {
  readonly #limit: number;
  /** The unread chunks; a new one starts when the command changes streams. */
  #chunks: { stream: OutputChunk["stream"]; data: GrowingBytes }[] = [];
  #size = 0;
  /** Whether a reader iterates over the chunks. */
  #isRead = false;
  #isOver = false;
  #changed = Promise.withResolvers<void>();

  /** @param limit the maximum of unread output, in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Adds a chunk; settles when there is room for more.
   *
   * @throws {SmolvmError} `guest` when there is no reader and the output exceeds the limit.
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

  /** Ends the queue: no more output will come, or the reader wants no more. */
  end(): void {
    this.#isOver = true;
    this.#notify();
  }

  /** Yields the output as it arrives, from the first unread chunk to the end. */
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

  /** Returns the unread output as text; empty if a reader iterates, because that reader gets all output. */
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

import { sleep } from "../host/sleep.ts";
import { openLogFiles } from "./files.ts";
import type { LogStream } from "./record.ts";
import { seekTail } from "./tail.ts";

/** A part of the shown log: bytes of one stream. */
export interface LogOutput {
  stream: LogStream;
  data: Uint8Array;
}

/** The format of a log's files. */
export interface LogFormat {
  /** Whether a line of the file, given its first bytes, ends a shown line. Called from the last line backwards. */
  lineCounter(): (head: Uint8Array) => boolean;
  /** Decodes the next bytes of the log. */
  decode(chunk: Uint8Array): Iterable<LogOutput>;
  /** Decodes the rest of the bytes at the end of a file. */
  end(): Iterable<LogOutput>;
}

const CHUNK_BYTES = 64 * 1024;

/** Reads a log while it is written and rotated: each byte once and in order, without keeping all of it in memory. */
export class LogReader implements Disposable {
  readonly #path: string;
  readonly #format: LogFormat;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  /** The number of last lines to start from; Infinity after the start. */
  #tail: number;
  /** The newest file found so far. */
  #current: Deno.FsFile | undefined;

  constructor(path: string, format: LogFormat, { tail = Infinity }: { tail?: number | undefined } = {}) {
    this.#path = path;
    this.#format = format;
    this.#tail = tail;
  }

  /**
   * Reads what was added since the last call.
   *
   * @param isOver whether the log is complete
   * @throws {SmolvmError} `state`.
   */
  *read(isOver: boolean): Generator<LogOutput> {
    // Open newer files before reading the current file to its end: if there are any, the current file is complete.
    const newer = openLogFiles(this.#path, this.#current);
    const files = this.#current ? [this.#current, ...newer] : this.#seek(newer);
    this.#current = files.pop();
    // The consumer may stop at any file: close all of them.
    using older = new DisposableStack();
    for (const file of files) older.use(file);
    for (const file of files) {
      yield* this.#readFile(file);
      yield* this.#format.end();
    }
    if (this.#current === undefined) return;
    yield* this.#readFile(this.#current);
    if (isOver) yield* this.#format.end();
  }

  [Symbol.dispose](): void {
    this.#current?.close();
  }

  #seek(files: Deno.FsFile[]): Deno.FsFile[] {
    const tail = this.#tail;
    this.#tail = Infinity;
    return tail === Infinity ? files : seekTail(files, tail, this.#format.lineCounter());
  }

  *#readFile(file: Deno.FsFile): Generator<LogOutput> {
    for (let count = file.readSync(this.#chunk); count !== null; count = file.readSync(this.#chunk)) {
      yield* this.#format.decode(this.#chunk.slice(0, count));
    }
  }
}

const POLL_MS = 100;

/**
 * Reads logs and follows them until they are complete.
 *
 * @throws the reason of `signal`.
 */
export async function* readLogs(
  logs: readonly LogReader[],
  isOver: () => boolean,
  signal?: AbortSignal,
): AsyncGenerator<LogOutput> {
  while (true) {
    signal?.throwIfAborted();
    // Ask before reading, so that everything written before the end is read.
    const over = isOver();
    for (const log of logs) {
      for (const output of log.read(over)) {
        yield output;
        signal?.throwIfAborted();
      }
    }
    if (over) return;
    await sleep(POLL_MS);
  }
}

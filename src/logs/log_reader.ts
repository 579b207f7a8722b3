import { openLogFiles } from "./files.ts";
import type { LogStream } from "./record.ts";
import { seekTail } from "./tail.ts";

/** A part of a log as it is shown: bytes for one of the streams. */
export interface LogOutput {
  stream: LogStream;
  data: Uint8Array;
}

/** How the files of a log are to be understood. */
export interface LogFormat {
  /** Tells which lines of the file end one that is shown, by their first bytes; asked from the last line on. */
  lineCounter(): (head: Uint8Array) => boolean;
  /** What is shown of the next bytes of the log. */
  decode(chunk: Uint8Array): Iterable<LogOutput>;
  /** What is shown of what was left of them when a file has ended. */
  end(): Iterable<LogOutput>;
}

const CHUNK_BYTES = 64 * 1024;

/** Reads a log that is being written to and rotated: everything in it once, in order, and never all of it in memory. */
export class LogReader implements Disposable {
  readonly #path: string;
  readonly #format: LogFormat;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  /** How many last lines to begin with; all once it has begun. */
  #tail: number;
  /** The newest file that was there. */
  #current: Deno.FsFile | undefined;

  constructor(path: string, format: LogFormat, { tail = Infinity }: { tail?: number | undefined } = {}) {
    this.#path = path;
    this.#format = format;
    this.#tail = tail;
  }

  /**
   * What is there and was not read before.
   *
   * @param isOver whether nobody writes to the log any more
   * @throws {SmolvmError} `state`.
   */
  *read(isOver: boolean): Generator<LogOutput> {
    // Opened before the current one is read to its end: when there are any, nobody writes to that any more.
    const newer = openLogFiles(this.#path, this.#current);
    const files = this.#current ? [this.#current, ...newer] : this.#seek(newer);
    this.#current = files.pop();
    // Whoever reads may stop at any of them.
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
 * What there is in logs, and what is added to them until they are over.
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
    // Asked before they are read: what was written until then is read.
    const over = isOver();
    for (const log of logs) {
      for (const output of log.read(over)) {
        yield output;
        signal?.throwIfAborted();
      }
    }
    if (over) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

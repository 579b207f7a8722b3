import { messageOf, SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { log } from "../log.ts";

/** At this size a log is set aside, and a new one begun. */
const MAX_BYTES = 10 * 1024 * 1024;
/** How many files a log has at most, the one being written to included. */
const MAX_FILES = 3;

const NEWLINE = 10;

/**
 * What a machine's command writes, on disk, in the format of Kubernetes' container runtimes: each line of the output
 * is one line of the log,
 *
 *     2026-11-23T12:00:00.000Z stdout F the line
 *
 * with `P` in place of `F` for a part of a line whose rest is still to come. Older files are `PATH.1`, `PATH.2`. Written
 * synchronously, so that output does not pile up in memory.
 */
export class CommandLog implements Disposable {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: Deno.FsFile;
  #size: number;
  #failed = false;

  /**
   * Opens the log at `path`, to go on with what is there.
   *
   * @throws {SmolvmError} `storage`.
   */
  constructor(path: string, { maxBytes = MAX_BYTES } = {}) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      this.#file = open(path);
      this.#size = this.#file.statSync().size;
    } catch (error) {
      throw new SmolvmError("storage", `Cannot open the log "${path}": ${osReason(error)}`, { cause: error });
    }
  }

  /** Adds output. A failure, such as a full disk, takes the log, not the machine. */
  write(stream: "stdout" | "stderr", data: Uint8Array): void {
    if (this.#failed || data.length === 0) return;
    try {
      this.#append(toLines(data, `${new Date().toISOString()} ${stream}`));
    } catch (error) {
      this.#failed = true;
      log("error", `Cannot log the command's output any further: ${messageOf(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #append(bytes: Uint8Array): void {
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate();
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#size += bytes.length;
  }

  #rotate(): void {
    for (let age = MAX_FILES - 1; age > 0; age--) {
      const from = age === 1 ? this.#path : `${this.#path}.${age - 1}`;
      try {
        Deno.renameSync(from, `${this.#path}.${age}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    using _full = this.#file;
    this.#file = open(this.#path);
    this.#size = 0;
  }
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
}

/** The lines of the log for a chunk of output. */
function toLines(data: Uint8Array, head: string): Uint8Array {
  const [full, partial] = [`${head} F `, `${head} P `].map((text) => new TextEncoder().encode(text)) as [
    Uint8Array,
    Uint8Array,
  ];
  const parts: Uint8Array[] = [];
  for (let start = 0; start < data.length;) {
    const newline = data.indexOf(NEWLINE, start);
    const end = newline < 0 ? data.length : newline;
    parts.push(newline < 0 ? partial : full, data.subarray(start, end), new Uint8Array([NEWLINE]));
    start = end + 1;
  }
  return concat(parts);
}

function concat(parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

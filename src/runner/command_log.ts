import { messageOf, SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { log } from "../log.ts";
import { logFile, type LogLimits } from "../logs/files.ts";
import { encodeRecords, type LogStream, NEWLINE } from "../logs/record.ts";

/**
 * The log of a command's output on disk, in the format of `logs/record.ts`. Older files are `PATH.1`, `PATH.2`. It is
 * written synchronously, so that output does not pile up in memory.
 */
export class CommandLog implements Disposable {
  readonly #path: string;
  readonly #limits: LogLimits;
  #file: Deno.FsFile;
  #size: number;
  /** Whether the file ends inside a record, because the host crashed or the disk was full. */
  #isCut: boolean;
  #failed = false;

  /**
   * Opens the log at `path` to append to it, and removes older files beyond the limit.
   *
   * @throws {SmolvmError} `storage`.
   */
  constructor(path: string, limits: LogLimits) {
    this.#path = path;
    this.#limits = limits;
    try {
      let age = limits.maxFiles;
      while (removeFile(logFile(path, age))) age++;
      this.#file = open(path);
      this.#size = this.#file.statSync().size;
      this.#isCut = this.#size > 0 && !endsLine(this.#file);
    } catch (error) {
      throw new SmolvmError("storage", `Cannot open the log "${path}": ${osReason(error)}`, { cause: error });
    }
  }

  /** Appends output. A failure, such as a full disk, stops the log, not the machine. */
  write(stream: LogStream, data: Uint8Array): void {
    if (this.#failed || data.length === 0) return;
    try {
      if (this.#isCut) this.#append(new Uint8Array([NEWLINE]));
      this.#isCut = false;
      this.#append(encodeRecords(data, stream, new Date()));
    } catch (error) {
      this.#failed = true;
      log("error", `Cannot log the command's output any further: ${messageOf(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #append(bytes: Uint8Array): void {
    if (this.#size > 0 && this.#size + bytes.length > this.#limits.maxBytes) this.#rotate();
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#size += bytes.length;
  }

  /** Starts a new file. Readers can finish reading an open file after it is renamed or removed. */
  #rotate(): void {
    const { maxFiles } = this.#limits;
    if (maxFiles === 1) removeFile(this.#path);
    for (let age = maxFiles - 1; age > 0; age--) {
      try {
        Deno.renameSync(logFile(this.#path, age - 1), logFile(this.#path, age));
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
  return Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
}

/** Removes a file; `false` when there is none. */
function removeFile(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function endsLine(file: Deno.FsFile): boolean {
  const last = new Uint8Array(1);
  file.seekSync(-1, Deno.SeekMode.End);
  file.readSync(last);
  return last[0] === NEWLINE;
}

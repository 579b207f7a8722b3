import type { LogFormat, LogOutput } from "./log_reader.ts";
import { concat, HEAD_BYTES, type LogStream, NEWLINE, parseHead, TIME_BYTES } from "./record.ts";

/** Longer than any record: a frame of the guest is the most that one holds. */
const MAX_RECORD_BYTES = 64 * 1024;

/** Which records of a log are shown, and how. */
export interface RecordOptions {
  /** The earliest. */
  since?: Date | undefined;
  /** The latest. */
  until?: Date | undefined;
  /** Whether each line is shown with its time in front. */
  timestamps?: boolean | undefined;
}

/** The log of a command: records, of which what the command wrote is shown, and nothing of what is no record. */
export class Records implements LogFormat {
  readonly #since: string;
  readonly #until: string;
  readonly #timestamps: boolean;
  /** A record whose end is still to come. */
  #rest = new Uint8Array();
  /** The streams that are within a line. */
  readonly #within = new Set<LogStream>();

  constructor({ since, until, timestamps = false }: RecordOptions = {}) {
    this.#since = since?.toISOString() ?? "";
    this.#until = until?.toISOString() ?? "~"; // After every digit.
    this.#timestamps = timestamps;
  }

  lineCounter(): (head: Uint8Array) => boolean {
    const known = new Set<LogStream>();
    return (head) => {
      const record = this.#wanted(head);
      if (record === undefined) return false;
      const isLast = record.full || !known.has(record.stream);
      known.add(record.stream);
      return isLast;
    };
  }

  *decode(chunk: Uint8Array): Generator<LogOutput> {
    const bytes = concat([this.#rest, chunk]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    yield* this.#show(bytes.subarray(0, end));
    // What is no record may have no end either.
    this.#rest = bytes.length - end > MAX_RECORD_BYTES ? new Uint8Array() : bytes.slice(end);
  }

  /** A crash may have cut the last record. */
  *end(): Generator<LogOutput> {
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    yield* this.#show(rest);
  }

  /** What is shown of whole records, and of one that was cut. */
  *#show(bytes: Uint8Array): Generator<LogOutput> {
    // Enough: a time is shorter than the head that it was in.
    const shown = new Uint8Array(bytes.length);
    let [from, to] = [0, 0];
    let current: LogStream = "stdout";
    for (let start = 0, end; start < bytes.length; start = end) {
      end = bytes.indexOf(NEWLINE, start) + 1 || bytes.length;
      const record = this.#wanted(bytes.subarray(start, end));
      if (record === undefined) continue;
      const { stream, full } = record;
      if (stream !== current) {
        if (to > from) yield { stream: current, data: shown.subarray(from, to) };
        [current, from] = [stream, to];
      }
      const add = (part: Uint8Array) => (shown.set(part, to), to += part.length);
      if (this.#timestamps && !this.#within.has(stream)) add(bytes.subarray(start, start + TIME_BYTES));
      const isWhole = bytes[end - 1] === NEWLINE;
      add(bytes.subarray(start + HEAD_BYTES, isWhole && !full ? end - 1 : end));
      if (isWhole && full) this.#within.delete(stream);
      else this.#within.add(stream);
    }
    if (to > from) yield { stream: current, data: shown.subarray(from, to) };
  }

  #wanted(head: Uint8Array) {
    const record = parseHead(head);
    return record && this.#since <= record.time && record.time <= this.#until ? record : undefined;
  }
}

/** A log that is shown as it is. */
export class PlainText implements LogFormat {
  readonly #stream: LogStream;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  lineCounter(): () => boolean {
    return () => true;
  }

  *decode(data: Uint8Array): Generator<LogOutput> {
    yield { stream: this.#stream, data };
  }

  *end(): Generator<LogOutput> {}
}

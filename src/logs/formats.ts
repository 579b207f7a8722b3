import type { LogFormat, LogOutput } from "./log_reader.ts";
import { concat } from "../bytes.ts";
import { HEAD_BYTES, type LogStream, NEWLINE, parseHead, TIME_BYTES } from "./record.ts";

/** Longer than any record, which contains at most one frame of the guest. */
const MAX_RECORD_BYTES = 64 * 1024;

/** Which records of a log are shown, and how. */
export interface RecordOptions {
  /** Earlier records are left out. */
  since?: Date | undefined;
  /** Later records are left out. */
  until?: Date | undefined;
  /** Whether each line is preceded by its time. */
  timestamps?: boolean | undefined;
}

/** The log of a command: shows the output in its records, and skips everything else. */
export class Records implements LogFormat {
  readonly #since: string;
  readonly #until: string;
  readonly #timestamps: boolean;
  /** The start of an incomplete record. */
  #rest = new Uint8Array();
  /** The streams whose last line is incomplete. */
  readonly #within = new Set<LogStream>();

  constructor({ since, until, timestamps = false }: RecordOptions = {}) {
    this.#since = since?.toISOString() ?? "";
    this.#until = until?.toISOString() ?? "~"; // Sorts after every digit.
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
    // Drop text that is too long for a record: it may never end.
    this.#rest = bytes.length - end > MAX_RECORD_BYTES ? new Uint8Array() : bytes.slice(end);
  }

  /** Shows the last record, which a crash may have cut. */
  *end(): Generator<LogOutput> {
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    yield* this.#show(rest);
  }

  /** Decodes whole records, and a cut record at the end. */
  *#show(bytes: Uint8Array): Generator<LogOutput> {
    // Large enough: the time shown is shorter than the head that contains it.
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

/** A log that is shown unchanged. */
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

/** A log in which each line has a time: shows whole lines within the wanted times. */
export class TimedLines implements LogFormat {
  readonly #isWanted: (line: Uint8Array) => boolean;
  #rest = new Uint8Array();

  /** @param timeOf returns the time of a line, ISO 8601 in UTC, from the line's first bytes */
  constructor(timeOf: (head: Uint8Array) => string | undefined, { since, until }: RecordOptions = {}) {
    const [from, to] = [since?.toISOString() ?? "", until?.toISOString() ?? "~"]; // Sorts after every digit.
    this.#isWanted = (line) => {
      const time = timeOf(line.subarray(0, HEAD_BYTES));
      return time !== undefined && from <= time && time <= to;
    };
  }

  lineCounter(): (head: Uint8Array) => boolean {
    return this.#isWanted;
  }

  *decode(chunk: Uint8Array): Generator<LogOutput> {
    const bytes = concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const line = bytes.subarray(start, end);
      if (this.#isWanted(line)) yield { stream: "stdout", data: line };
      start = end + 1;
    }
    // Drop text that is too long for a line: it may never end.
    this.#rest = bytes.length - start > MAX_RECORD_BYTES ? new Uint8Array() : bytes.slice(start);
  }

  /** Keeps an incomplete line: a rotation may have cut it, and the next file then continues it. */
  *end(): Generator<LogOutput> {}
}

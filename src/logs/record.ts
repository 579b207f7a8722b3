/**
 * The format of a command's log, which Kubernetes' container runtimes use too. Each line of the output is one line of
 * the log, a record:
 *
 *     2026-11-23T12:00:00.000Z stdout F the line
 *
 * `P` in place of `F` marks a partial line, which the next record of the stream continues.
 *
 * @module
 */

import { concat } from "../bytes.ts";

/** One of the streams that a command writes. */
export type LogStream = "stdout" | "stderr";

/** The head of a record. */
export interface RecordHead {
  /** ISO 8601 in UTC, so that times compare as strings. */
  time: string;
  stream: LogStream;
  /** Whether the record ends its line. */
  full: boolean;
}

export const NEWLINE = 10;
/** Length of a record's time and the space after it. */
export const TIME_BYTES = "2026-11-23T12:00:00.000Z ".length;
/** Length of the head, before the command's own bytes. */
export const HEAD_BYTES = TIME_BYTES + "stdout F ".length;

const HEAD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (stdout|stderr) ([FP]) $/;

/** Parses the head at the start of the bytes; `undefined` if they are not a record, for example after a crash. */
export function parseHead(bytes: Uint8Array): RecordHead | undefined {
  const match = HEAD.exec(String.fromCharCode(...bytes.subarray(0, HEAD_BYTES)));
  return match ? { time: match[1]!, stream: match[2] as LogStream, full: match[3] === "F" } : undefined;
}

/** Encodes a chunk of output as records. */
export function encodeRecords(data: Uint8Array, stream: LogStream, time: Date): Uint8Array {
  const head = `${time.toISOString()} ${stream}`;
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

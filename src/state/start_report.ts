import type { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeError, parseError, toError } from "./error_record.ts";

/**
 * The one line that a runner writes to its standard output: how the start of its machine went.
 *
 * @module
 */

const READY = "ready";

/** The line for a machine that can be attached to, or whose command runs if nobody attaches, or that failed with `error`. */
export function encodeStart(error?: SmolvmError): Uint8Array<ArrayBuffer> {
  const line = error === undefined ? READY : JSON.stringify(encodeError(error));
  return new TextEncoder().encode(`${line}\n`);
}

/** The error in that line, or `undefined` for a machine that is ready. */
export function decodeStart(line: string): SmolvmError | undefined {
  return line === READY
    ? undefined
    : toError(parseError(new Fields(JSON.parse(line), { what: "Start report", code: "internal" })));
}

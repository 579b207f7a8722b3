import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeError, parseError, toError } from "./error_record.ts";

/**
 * The one line that a runner writes to its standard output: how the start of its machine went.
 *
 * @module
 */

/** The line for a machine that can be attached to, or whose command runs if nobody attaches, or that failed. */
export function encodeStart(result: { pid: number } | SmolvmError): Uint8Array<ArrayBuffer> {
  const report = result instanceof SmolvmError ? encodeError(result) : result;
  return new TextEncoder().encode(`${JSON.stringify(report)}\n`);
}

/**
 * The process id of the runner, from that line.
 *
 * @throws {SmolvmError} the error in it.
 */
export function decodeStart(line: string): number {
  const fields = new Fields(JSON.parse(line), { what: "Start report", code: "internal" });
  if (!fields.has("pid")) throw toError(parseError(fields));
  const pid = fields.integer("pid", 1, 2 ** 31 - 1);
  fields.end();
  return pid;
}

import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { encodeError, parseError, toError } from "../state/error_record.ts";

/**
 * The line that a runner writes to its standard output: the result of its machine's start.
 *
 * @module
 */

const VERSION = 1;
/** The maximum length of the line, in bytes: an error and its hint are shorter. */
export const START_REPORT_MAX = 64 * 1024;

/** Encodes the line: the process id when the client may attach or the command runs, otherwise the error. */
export function encodeStart(result: { pid: number } | SmolvmError): Uint8Array<ArrayBuffer> {
  const report = result instanceof SmolvmError ? encodeError(result) : result;
  return new TextEncoder().encode(`${JSON.stringify({ version: VERSION, ...report })}\n`);
}

/**
 * Reads the runner's process id from the line. A guest may already have taken over the runner.
 *
 * @throws {SmolvmError} the error in the report; `internal` for an invalid report.
 */
export function decodeStart(line: string): number {
  const fields = new Fields(parseJson(line), { what: "Start report", code: "internal" });
  fields.version("version", VERSION);
  if (!fields.has("pid")) throw toError(parseError(fields));
  const pid = fields.integer("pid", 1, 2 ** 31 - 1);
  fields.end();
  return pid;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SmolvmError("internal", `Start report is not JSON: ${messageOf(error).slice(0, 200)}`, { cause: error });
  }
}

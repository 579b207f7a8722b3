import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { writeFileAtomic } from "./atomic_write.ts";
import { type ErrorRecord, parseError } from "./error_record.ts";

/** What the runner last knew of its machine; only the lock says whether it still runs. */
export interface MachineStatus {
  state: "starting" | "running" | "stopped" | "failed";
  /** Process id of the runner, to be shown; never to be signalled on its own. */
  pid: number;
  /** How the machine's command ended. */
  exit: { code: number } | { signal: number } | null;
  /** Why the machine failed. */
  error: ErrorRecord | null;
}

const SCHEMA = 1;
const STATES = ["starting", "running", "stopped", "failed"] as const;

/** Where a machine's status is. */
export function statusFile(machineFolder: string): string {
  return `${machineFolder}/status.json`;
}

/** Replaces the status of a machine. */
export async function writeStatus(machineFolder: string, status: MachineStatus): Promise<void> {
  await writeFileAtomic(statusFile(machineFolder), `${JSON.stringify({ schema: SCHEMA, ...status })}\n`);
}

/**
 * The status of a machine, or `undefined` when it has none yet.
 *
 * @throws {SmolvmError} `state` for one that cannot be read.
 */
export async function readStatus(machineFolder: string): Promise<MachineStatus | undefined> {
  const path = statusFile(machineFolder);
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("state", `Cannot read "${path}": not the JSON of a status`, { cause: error });
  }
  const fields = new Fields(value, { what: `"${path}"`, code: "state" });
  fields.integer("schema", SCHEMA, SCHEMA);
  const status: MachineStatus = {
    state: fields.oneOf("state", STATES),
    pid: fields.integer("pid", 1, 2 ** 31 - 1),
    exit: fields.has("exit") ? parseExit(fields.object("exit")) : null,
    error: fields.has("error") ? parseError(fields.object("error")) : null,
  };
  fields.end();
  return status;
}

function parseExit(fields: Fields): { code: number } | { signal: number } {
  const exit = fields.has("code")
    ? { code: fields.integer("code", 0, 255) }
    : { signal: fields.integer("signal", 1, 127) };
  fields.end();
  return exit;
}

import type { Fields } from "../fields.ts";
import { writeFileAtomicSync } from "../host/atomic_write.ts";
import type { ProcessIdentity } from "../host/process_identity.ts";
import { readStateFile } from "./state_file.ts";

/**
 * The file that names the process that runs a machine. The runner writes it before its VM starts, in a folder where no
 * VM can write. A guest therefore cannot choose which process is killed.
 *
 * @module
 */

const SCHEMA = 1;

/** The version of the control protocol (`protocol/control.ts`) that this smolvm speaks. */
export const CONTROL_VERSION = 1;

/** The content of the file. */
interface RunnerRecord extends ProcessIdentity {
  /** The version of the control protocol that the runner speaks. */
  control: number;
}

/** The path of the file. */
export function processFile(folder: string): string {
  return `${folder}/process.json`;
}

/** Replaces the file. It need not survive a crash of the host, because the process does not either. */
export function writeProcess(folder: string, { pid, startTime }: ProcessIdentity): void {
  const record = { schema: SCHEMA, pid, startTime, control: CONTROL_VERSION };
  writeFileAtomicSync(processFile(folder), `${JSON.stringify(record)}\n`);
}

/**
 * Returns the process that ran the machine last, which may have ended; null if the machine never ran.
 *
 * @throws {SmolvmError} `state` when it cannot be read.
 */
export function readProcess(folder: string): ProcessIdentity | null {
  const record = readRecord(folder);
  return record ? { pid: record.pid, startTime: record.startTime } : null;
}

/**
 * Returns the version of the control protocol that a machine's runner speaks; smolvm 0.2 did not record it and spoke 1.
 *
 * @throws {SmolvmError} `state` when it cannot be read.
 */
export function controlVersionOf(folder: string): number {
  return readRecord(folder)?.control ?? 1;
}

/** Reads the fields of an identity. */
export function parseProcess(fields: Fields): ProcessIdentity {
  const process = parseIdentity(fields);
  fields.end();
  return process;
}

function readRecord(folder: string): RunnerRecord | undefined {
  const fields = readStateFile(processFile(folder), SCHEMA);
  if (fields === undefined) return undefined;
  const control = fields.has("control") ? fields.integer("control", 1, Number.MAX_SAFE_INTEGER) : 1;
  const record = { ...parseIdentity(fields), control };
  fields.end();
  return record;
}

function parseIdentity(fields: Fields): ProcessIdentity {
  return { pid: fields.integer("pid", 1, 2 ** 31 - 1), startTime: fields.string("startTime") };
}

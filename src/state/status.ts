import type { Fields } from "../fields.ts";
import type { ProcessIdentity } from "../host/process_identity.ts";
import { writeFileAtomic } from "./atomic_write.ts";
import { type ErrorRecord, parseError } from "./error_record.ts";
import { isLocked } from "./lock.ts";
import { type MachineState, STATES } from "./machine_state.ts";
import { readStateFile } from "./state_file.ts";

export type { MachineState };

/** What is known of a machine's present or last run. */
export interface MachineStatus {
  state: MachineState;
  /** The runner, while there is one: to be shown, and to be killed once it has proved to be that process. */
  process: ProcessIdentity | null;
  /** When the command began, ISO 8601 in UTC. */
  started: string | null;
  /** How the command ended. */
  exit: { code: number } | { signal: number } | null;
  /** Why it is stopped although its command did not end: by `stop --force`, or its VM was gone without a word. */
  reason: "killed" | "lost" | null;
  /** Why the machine failed. */
  error: ErrorRecord | null;
}

/** The status of a machine that was never started. */
export const CREATED: MachineStatus = {
  state: "created",
  process: null,
  started: null,
  exit: null,
  reason: null,
  error: null,
};

const SCHEMA = 1;
const LIVE: readonly MachineState[] = ["starting", "running", "stopping"];

/** Whether a machine in that state has a VM. */
export function isLive(state: MachineState): boolean {
  return LIVE.includes(state);
}

/** The lock of a machine, held by its runner from before it starts until it is gone. */
export function machineLock(machineFolder: string): string {
  return `${machineFolder}/lock`;
}

/** Where a machine's status is. */
export function statusFile(machineFolder: string): string {
  return `${machineFolder}/status.json`;
}

/** Replaces the status of a machine. */
export async function writeStatus(machineFolder: string, status: MachineStatus): Promise<void> {
  const text = JSON.stringify({ schema: SCHEMA, ...status });
  await writeFileAtomic(statusFile(machineFolder), `${text}\n`, { mode: 0o600 });
}

/**
 * The status of a machine as its runner wrote it last, or `undefined` when there is none.
 *
 * @throws {SmolvmError} `state` for one that cannot be read.
 */
export function readStatus(machineFolder: string): MachineStatus | undefined {
  const fields = readStateFile(statusFile(machineFolder), SCHEMA);
  return fields && parseStatus(fields);
}

/**
 * The status of a machine as it is: only the lock says whether a runner is there. Changes nothing.
 *
 * @throws {SmolvmError} `state` for one that cannot be read.
 */
export function observeStatus(machineFolder: string): MachineStatus | undefined {
  const status = readStatus(machineFolder);
  if (status === undefined || !isLive(status.state) || isLocked(machineLock(machineFolder))) return status;
  // Its runner may have said its last word, and gone, since that was read.
  const last = readStatus(machineFolder);
  return last && isLive(last.state) ? { ...last, state: "stopped", process: null, reason: "lost" } : last;
}

function parseStatus(fields: Fields): MachineStatus {
  const status: MachineStatus = {
    state: fields.oneOf("state", STATES),
    process: fields.has("process") ? parseProcess(fields.object("process")) : null,
    started: fields.has("started") ? fields.string("started") : null,
    exit: fields.has("exit") ? parseExit(fields.object("exit")) : null,
    reason: fields.has("reason") ? fields.oneOf("reason", ["killed", "lost"]) : null,
    error: fields.has("error") ? parseError(fields.object("error")) : null,
  };
  fields.end();
  return status;
}

function parseProcess(fields: Fields): ProcessIdentity {
  const process = { pid: fields.integer("pid", 1, 2 ** 31 - 1), startTime: fields.string("startTime") };
  fields.end();
  return process;
}

function parseExit(fields: Fields): { code: number } | { signal: number } {
  const exit = fields.has("code")
    ? { code: fields.integer("code", 0, 255) }
    : { signal: fields.integer("signal", 1, 127) };
  fields.end();
  return exit;
}

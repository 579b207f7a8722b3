import { SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";
import { writeFileAtomic, writeFileAtomicSync } from "../host/atomic_write.ts";
import { isLocked } from "../host/lock.ts";
import { isAlive, type ProcessIdentity } from "../host/process_identity.ts";
import { encodeError, type ErrorRecord, parseError } from "./error_record.ts";
import { machineLock, statusFile, vmFolder } from "./machine_folders.ts";
import { parseProcess, readProcess } from "./machine_process.ts";
import { type MachineState, STATES } from "./machine_state.ts";
import { readStateFile } from "./state_file.ts";

export type { MachineState };

/** The status of a machine's current or last run. */
export interface MachineStatus extends RunStatus {
  /** The runner's process, while it runs. */
  process: ProcessIdentity | null;
}

/** The status that a runner writes. */
export interface RunStatus {
  state: MachineState;
  /** When the command started, ISO 8601 in UTC. */
  started: string | null;
  /** How the command ended. */
  exit: { code: number } | { signal: number } | null;
  /** Whether the guest ran out of memory and its kernel killed a process. */
  oomKilled: boolean;
  /** Why it stopped before its command ended: `aborted` during the start, `killed` later, `lost` without a report. */
  reason: "aborted" | "killed" | "lost" | null;
  /** Why the machine failed. */
  error: ErrorRecord | null;
}

/** The status of a machine that was never started. */
export const CREATED: MachineStatus = {
  state: "created",
  process: null,
  started: null,
  exit: null,
  oomKilled: false,
  reason: null,
  error: null,
};

const SCHEMA = 2;
const LIVE: readonly MachineState[] = ["starting", "running", "stopping"];

/** Whether a machine in this state has a VM. */
export function isLive(state: MachineState): boolean {
  return LIVE.includes(state);
}

/** Replaces the status of a machine. */
export async function writeStatus(folder: string, status: RunStatus): Promise<void> {
  await writeFileAtomic(statusFile(folder), encodeStatus(status), { mode: 0o600 });
}

/** The same for an ephemeral machine, without fsync: a crash of the host ends the machine anyway. */
export function writeEphemeralStatus(folder: string, status: RunStatus): void {
  writeFileAtomicSync(statusFile(folder), encodeStatus(status));
}

function encodeStatus({ state, started, exit, oomKilled, reason, error }: RunStatus): string {
  return `${JSON.stringify({ schema: SCHEMA, state, started, exit, oomKilled, reason, error })}\n`;
}

/**
 * Returns the status that a machine's runner wrote last; `undefined` when there is none. An unreadable status counts as
 * a failure of the machine: a guest may have broken the file, and must not make the machine unusable for its owner.
 */
export function readStatus(folder: string): MachineStatus | undefined {
  // Try twice: the file may be moved between the checks of its two places.
  return readStatusAt(statusFile(folder), folder) ?? readStatusAt(statusFile(folder), folder);
}

function readStatusAt(path: string, folder: string): MachineStatus | undefined {
  try {
    const fields = readStateFile(path, SCHEMA);
    if (fields === undefined) return undefined;
    const { status, process } = parseStatus(fields);
    // Only smolvm 0.2 kept the process in this file. Trust it only in the old place, where no VM can write.
    const isOld = !path.startsWith(`${vmFolder(folder)}/`);
    return { ...status, process: isLive(status.state) ? isOld ? process : readProcess(folder) : null };
  } catch (error) {
    if (!(error instanceof SmolvmError)) throw error;
    return { ...CREATED, state: "failed", error: encodeError(error) };
  }
}

/**
 * Returns the actual status of a machine, which has a runner only if its lock is held. Changes nothing.
 *
 * @throws {SmolvmError} `state` when the runner's record cannot be read.
 */
export function observeStatus(folder: string): MachineStatus {
  const written = readStatus(folder);
  const status = written ?? missing(folder);
  if (isLocked(machineLock(folder))) {
    if (isLive(status.state)) return status;
    // Other processes hold the lock too, such as one that deletes the machine.
    const process = readProcess(folder);
    if (process === null || !isAlive(process)) return status;
    // The runner is starting or ending, or the guest has faked the status.
    return written ? { ...written, state: "stopping", process } : { ...CREATED, state: "starting", process };
  }
  if (!isLive(status.state)) return status;
  // The runner may have written its last status and ended since the first read.
  const last = readStatus(folder) ?? missing(folder);
  return isLive(last.state) ? { ...last, state: "stopped", process: null, reason: "lost" } : last;
}

/** The status of a machine whose guest has removed the file. */
function missing(folder: string): MachineStatus {
  const error = new SmolvmError("state", `"${statusFile(folder)}" is missing`);
  return { ...CREATED, state: "failed", error: encodeError(error) };
}

/** Reads the fields; schema 1 also has the process. */
function parseStatus(fields: Fields): { status: RunStatus; process: ProcessIdentity | null } {
  const process = fields.has("process") ? parseProcess(fields.object("process")) : null;
  const status: RunStatus = {
    state: fields.has("state") ? fields.oneOf("state", STATES) : "stopped",
    started: fields.has("started") ? fields.time("started") : null,
    exit: fields.has("exit") ? parseExit(fields.object("exit")) : null,
    oomKilled: fields.has("oomKilled") && fields.boolean("oomKilled"),
    reason: fields.has("reason") ? fields.oneOf("reason", ["aborted", "killed", "lost"]) : null,
    error: fields.has("error") ? parseError(fields.object("error")) : null,
  };
  fields.end();
  return { status, process };
}

function parseExit(fields: Fields): { code: number } | { signal: number } {
  const exit = fields.has("code")
    ? { code: fields.integer("code", 0, 255) }
    : { signal: fields.integer("signal", 1, 127) };
  fields.end();
  return exit;
}

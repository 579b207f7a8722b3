import { exitCode } from "../machine/exit_code.ts";
import { type FoundMachine, isReadable } from "../machine/find.ts";
import { signalName } from "../host/signal.ts";
import type { ErrorRecord } from "../state/error_record.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { CREATED, type MachineState, type MachineStatus } from "../state/status.ts";

export type { GuestProcess } from "../requests/processes.ts";
export type { NetworkCounters, NetworkDenial, NetworkEnd, NetworkEvent } from "../machine/logs.ts";
export type { MachineStats } from "../requests/stats.ts";
export type {
  ImageIdentity,
  MachineCommand,
  MachineRecord,
  MachineSource,
  PortSpec,
  SecretRecord,
  SecretSpec,
  VolumeSpec,
} from "../state/machine_record.ts";
export type { ErrorRecord, MachineState };

/** The settings and the current state of a machine. */
export interface MachineInfo extends MachineRecord {
  /** Whether all its files are removed when it ends. */
  ephemeral: boolean;
  /** The state of the machine. */
  state: MachineState;
  /** When the command of its current or last run started, ISO 8601 in UTC; null: it never ran. */
  started: string | null;
  /** Whether the guest ran out of memory in that run and its kernel killed a process. */
  oomKilled: boolean;
  /** Why it stopped before its command ended: `aborted` during the start, `killed` later, `lost` without a report. */
  reason: "aborted" | "killed" | "lost" | null;
  /** Why it failed; null: it did not. */
  error: ErrorRecord | null;
  /** Process id of its VM; null: it does not run. */
  pid: number | null;
  /** Exit code of its command in the last run, 128+n for signal n; null: it has not ended, or ended without one. */
  exitCode: number | null;
  /** The signal that killed its command, such as `SIGKILL`; null: none. */
  exitSignal: string | null;
}

/** A machine whose files cannot be read; it can only be deleted, by force. */
export interface UnreadableMachineInfo {
  /** Instance id. */
  id: string;
  /** Distinguishes it from a {@linkcode MachineInfo}. */
  state: "unreadable";
  /** Why its files cannot be read. */
  error: ErrorRecord;
}

/** Returns the information about a machine. */
export function infoOf(machine: FoundMachine): MachineInfo | UnreadableMachineInfo {
  if (isReadable(machine)) return describe(machine.record, machine.status, machine.ephemeral);
  const { code, message, hint = null } = machine.error;
  return { id: machine.id, state: "unreadable", error: { code, message, hint } };
}

/** Returns the information about an ephemeral machine that was not started yet. */
export function infoOfNew(record: MachineRecord): MachineInfo {
  return describe(record, CREATED, true);
}

function describe(record: MachineRecord, { process, exit, ...status }: MachineStatus, ephemeral: boolean): MachineInfo {
  return {
    ...record,
    ephemeral,
    ...status,
    pid: process?.pid ?? null,
    exitCode: exit && exitCode(exit),
    exitSignal: exit && "signal" in exit ? signalName(exit.signal) : null,
  };
}

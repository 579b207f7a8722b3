import { exitCode } from "../machine/exit_code.ts";
import { type FoundMachine, isReadable } from "../machine/find.ts";
import { signalName } from "../machine/signal.ts";
import type { ErrorRecord } from "../state/error_record.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { CREATED, type MachineState, type MachineStatus } from "../state/status.ts";

export type { GuestProcess } from "../machine/processes.ts";
export type { MachineStats } from "../machine/stats.ts";
export type {
  ImageIdentity,
  MachineCommand,
  MachineRecord,
  MachineSource,
  PortSpec,
  VolumeSpec,
} from "../state/machine_record.ts";
export type { ErrorRecord, MachineState };

/** What a machine is, and how it is at this moment. */
export interface MachineInfo extends MachineRecord {
  /** Whether it ends, and leaves nothing, with the process that made it. */
  ephemeral: boolean;
  /** What it does. */
  state: MachineState;
  /** When the command of its present or last run began, ISO 8601 in UTC. */
  started: string | null;
  /** Why it is stopped although its command did not end: its VM was killed, or was gone without a word. */
  reason: "killed" | "lost" | null;
  /** Why it failed. */
  error: ErrorRecord | null;
  /** Process id of its VM. */
  pid: number | null;
  /** Exit code of its command's last run, 128+n for signal n. */
  exitCode: number | null;
  /** The signal that ended it, such as `SIGKILL`. */
  exitSignal: string | null;
}

/** A machine whose files cannot be read; nothing can be done with it but to delete it by force. */
export interface UnreadableMachineInfo {
  /** Instance id. */
  id: string;
  /** What tells it from a {@linkcode MachineInfo}. */
  state: "unreadable";
  /** Why. */
  error: ErrorRecord;
}

/** What is known of a machine. */
export function infoOf(machine: FoundMachine): MachineInfo | UnreadableMachineInfo {
  if (isReadable(machine)) return describe(machine.record, machine.status, machine.ephemeral);
  const { code, message, hint = null } = machine.error;
  return { id: machine.id, state: "unreadable", error: { code, message, hint } };
}

/** What is known of an ephemeral machine that was not started yet. */
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

import { exitCodeOf } from "../errors.ts";
import type { ExitStatus } from "../protocol/messages.ts";
import { toError } from "../state/error_record.ts";
import type { MachineStatus } from "../state/status.ts";

/** The exit code of a VM that ended without reporting one: as if killed by SIGKILL. */
export const KILLED = 128 + 9;

/** Returns the exit code of a command: its own, or 128+n when signal n killed it. */
export function exitCode(status: ExitStatus): number {
  return status.signal === undefined ? status.code : 128 + status.signal;
}

/** Returns the exit code of a machine's last run; null if the machine never ran or still runs. */
export function lastExitCode({ exit, reason, error }: MachineStatus): number | null {
  if (exit !== null) return exitCode(exit);
  if (error !== null) return exitCodeOf(toError(error));
  return reason === null ? null : KILLED;
}

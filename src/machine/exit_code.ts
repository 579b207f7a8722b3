import { exitCodeOf } from "../errors.ts";
import type { ExitStatus } from "../protocol/messages.ts";
import { toError } from "../state/error_record.ts";
import type { MachineStatus } from "../state/status.ts";

/** What a VM that ended without a word counts as: killed by SIGKILL. */
export const KILLED = 128 + 9;

/** The exit code that stands for how a command ended: 128+n for signal n. */
export function exitCode(status: ExitStatus): number {
  return status.signal === undefined ? status.code : 128 + status.signal;
}

/** The exit code of a machine's last run; null when there was none, or it has not ended. */
export function lastExitCode({ exit, reason, error }: MachineStatus): number | null {
  if (exit !== null) return exitCode(exit);
  if (error !== null) return exitCodeOf(toError(error));
  return reason === null ? null : KILLED;
}

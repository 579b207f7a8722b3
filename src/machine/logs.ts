import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { PlainText, type RecordOptions, Records } from "../logs/formats.ts";
import { type LogOutput, LogReader, readLogs } from "../logs/log_reader.ts";
import { isLocked } from "../state/lock.ts";
import type { Machine } from "../state/lookup.ts";
import { commandLogFile, consoleLog, runnerLog } from "../state/machine_folders.ts";
import { machineLock } from "../state/status.ts";

/** What of a log is read. */
export interface LogOptions {
  /** How many last lines to begin with; all when absent. */
  tail?: number | undefined;
  /** Whether to go on with what is added until the machine has ended. */
  follow: boolean;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

/**
 * What the command of a machine has written, in all its runs that are still in its log; nothing when it was never
 * started. Also following ends with what there is at the latest time that is asked for.
 *
 * @throws {SmolvmError} `machine-state` for a machine of `run`, which has no such log; `state`. The reason of `signal`.
 */
export async function* readCommandLog(
  { folder, record, ephemeral }: Machine,
  { tail, follow, signal, ...options }: LogOptions & RecordOptions,
): AsyncGenerator<LogOutput> {
  if (ephemeral && !exists(commandLogFile(folder))) {
    throw new SmolvmError("machine-state", `Machine "${record.name}" has no log: its output goes to whoever runs it`);
  }
  using log = new LogReader(commandLogFile(folder), new Records(options), { tail });
  const { until } = options;
  const isLate = () => until !== undefined && until.getTime() < Date.now();
  yield* readLogs([log], () => !follow || isLate() || hasEnded(folder), signal);
}

/**
 * What the guest's console has had in the present or last run, as standard output, and then what the VM's process
 * logged, as standard error; `tail` lines of each.
 *
 * @throws {SmolvmError} `state`. The reason of `signal`.
 */
export async function* readKernelLog(
  { folder }: Machine,
  { tail, follow, signal }: LogOptions,
): AsyncGenerator<LogOutput> {
  using guest = new LogReader(consoleLog(folder), new PlainText("stdout"), { tail });
  using vm = new LogReader(runnerLog(folder), new PlainText("stderr"), { tail });
  yield* readLogs([guest, vm], () => !follow || hasEnded(folder), signal);
}

/** The lock is held from before the status says that a machine starts. */
function hasEnded(folder: string): boolean {
  return !isLocked(machineLock(folder));
}

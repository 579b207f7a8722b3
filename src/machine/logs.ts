import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { isLocked } from "../host/lock.ts";
import { PlainText, type RecordOptions, Records, TimedLines } from "../logs/formats.ts";
import { type LogOutput, LogReader, readLogs } from "../logs/log_reader.ts";
import { type NetworkEvent, parseEvent, timeOfLine } from "../network/events.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { hasGateway } from "../state/machine_record.ts";
import { commandLogFile, consoleLog, machineLock, networkLog, runnerLog } from "../state/machine_folders.ts";

export { describeEvent } from "../network/events.ts";
export type { NetworkCounters, NetworkDenial, NetworkEnd, NetworkEvent } from "../network/events.ts";

/** Which part of a log to read. */
export interface ReadLogOptions {
  /** How many of the existing lines to read, from the end; default: all. */
  tail?: number | undefined;
  /** Whether to continue with new lines until the machine has ended. */
  follow: boolean;
  /** Stops reading. */
  signal?: AbortSignal | undefined;
}

/**
 * Reads the output of a machine's command from all runs that are still in the log; yields nothing for a machine that
 * was never started. With `until`, following stops at that time.
 *
 * @throws {SmolvmError} `machine-state` for a machine of `run`, which has no command log; `state`. The reason of
 * `signal`.
 */
export async function* readCommandLog(
  { folder, record, ephemeral }: ReadableMachine,
  { tail, follow, signal, ...options }: ReadLogOptions & RecordOptions,
): AsyncGenerator<LogOutput> {
  if (ephemeral && !exists(commandLogFile(folder))) {
    throw new SmolvmError(
      "machine-state",
      `Machine "${record.name}" has no log: its output goes to the process that runs it`,
    );
  }
  using log = new LogReader(commandLogFile(folder), new Records(options), { tail });
  const { until } = options;
  const isLate = () => until !== undefined && until.getTime() < Date.now();
  yield* readLogs([log], () => !follow || isLate() || hasEnded(folder), signal);
}

/**
 * Reads the guest's console in the current or last run, as standard output, and then the log of the VM's process, as
 * standard error; `tail` lines of each.
 *
 * @throws {SmolvmError} `state`. The reason of `signal`.
 */
export async function* readKernelLog(
  { folder }: ReadableMachine,
  { tail, follow, signal }: ReadLogOptions,
): AsyncGenerator<LogOutput> {
  using guest = new LogReader(consoleLog(folder), new PlainText("stdout"), { tail });
  using vm = new LogReader(runnerLog(folder), new PlainText("stderr"), { tail });
  yield* readLogs([guest, vm], () => !follow || hasEnded(folder), signal);
}

/**
 * Reads the events that a machine's gateway logged in the current or last run: what it refused to the guest, and its
 * end. Skips lines that are not events.
 *
 * @throws {SmolvmError} `machine-state` for a machine without a network; `state`. The reason of `signal`.
 */
export async function* readNetworkLog(
  { folder, record }: ReadableMachine,
  { tail, follow, signal, since, until }: ReadLogOptions & Pick<RecordOptions, "since" | "until">,
): AsyncGenerator<NetworkEvent, void> {
  if (!hasGateway(record)) {
    throw new SmolvmError("machine-state", `Machine "${record.name}" has no network log: it has no network`);
  }
  using log = new LogReader(networkLog(folder), new TimedLines(timeOfLine, { since, until }), { tail });
  const isLate = () => until !== undefined && until.getTime() < Date.now();
  for await (const { data } of readLogs([log], () => !follow || isLate() || hasEnded(folder), signal)) {
    const event = parseEvent(new TextDecoder().decode(data));
    if (event !== undefined) yield event;
  }
}

/** The runner takes the lock before the status says that the machine starts. */
function hasEnded(folder: string): boolean {
  return !isLocked(machineLock(folder));
}

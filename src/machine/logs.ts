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

/** What of a log is read. */
export interface ReadLogOptions {
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
 * What the guest's console has had in the present or last run, as standard output, and then what the VM's process
 * logged, as standard error; `tail` lines of each.
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
 * What the gateway of a machine with a network has told in the present or last run: what the guest was refused, and the
 * end. Lines that are no events are left out.
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

/** The lock is held from before the status says that a machine starts. */
function hasEnded(folder: string): boolean {
  return !isLocked(machineLock(folder));
}

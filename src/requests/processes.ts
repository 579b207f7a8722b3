import { SmolvmError } from "../errors.ts";
import type { ReadableMachine } from "../machine/find.ts";
import { runAgentTool, ToolError } from "./agent_tool.ts";

/** Memory and processes as reported by the guest, which may lie. */
export interface GuestUsage {
  /** Memory of the guest in bytes. */
  memoryBytes: number;
  /** The part of it that is neither free nor reclaimable at once. */
  memoryUsedBytes: number;
  /** All processes except kernel threads. */
  processes: GuestProcess[];
}

/** A process in a guest, as reported by the guest. */
export interface GuestProcess {
  /** Process id. */
  pid: number;
  /** User id. */
  uid: number;
  /** One letter: `R` running, `S` sleeping, `Z` zombie and so on. */
  state: string;
  /** Processor time so far, in ms. */
  cpuMs: number;
  /** Time since its start, in ms. */
  ageMs: number;
  /** Resident memory in the guest. */
  residentBytes: number;
  /** Its arguments, or its name in brackets when it has none. */
  command: string;
}

/** The maximum length of a report: an untrusted guest must not fill this process's memory. */
const MAX_LENGTH = 4 * 1024 ** 2;
/** How long a guest may take to answer, in ms. */
const TIMEOUT_MS = 10_000;

/**
 * Asks the agent in a machine for the guest's memory and processes.
 *
 * @throws {SmolvmError} `machine-state` when the machine does not run; `guest` for a guest that does not answer.
 */
export async function usageInGuest(machine: ReadableMachine): Promise<GuestUsage> {
  const decoder = new TextDecoder();
  let text = "";
  const stdout = (chunk: Uint8Array) => {
    if (text.length < MAX_LENGTH) text += decoder.decode(chunk, { stream: true });
    return Promise.resolve();
  };
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(silent(machine)), TIMEOUT_MS);
  try {
    await runAgentTool(machine, ["processes"], { stdout, until: late.promise });
  } catch (error) {
    throw error instanceof ToolError ? silent(machine) : error;
  } finally {
    clearTimeout(timer);
  }
  const usage = parseUsage(text);
  if (usage === undefined) throw silent(machine);
  return usage;
}

function silent({ record }: ReadableMachine): SmolvmError {
  return new SmolvmError("guest", `Cannot list the processes of "${record.name}": its guest does not answer`);
}

/** Parses the report of the agent's tool; `undefined` when its first line is invalid. */
export function parseUsage(text: string): GuestUsage | undefined {
  const [first = "", ...lines] = text.split("\n");
  const [, total, available] = /^(\d{1,12}) (\d{1,12})$/.exec(first) ?? [];
  if (total === undefined) return undefined;
  const [totalBytes, availableBytes] = [Number(total) * 1024, Number(available) * 1024];
  return {
    memoryBytes: totalBytes,
    memoryUsedBytes: Math.max(0, totalBytes - availableBytes),
    processes: lines.flatMap(parseProcess),
  };
}

function parseProcess(line: string): GuestProcess[] {
  const match = /^(\d{1,10}) (\d{1,10}) (\S) (\d{1,15}) (\d{1,15}) (\d{1,12}) (.*)$/s.exec(line);
  if (match === null) return [];
  const [, pid, uid, state, cpuMs, ageMs, residentKib, command] = match;
  return [{
    pid: Number(pid),
    uid: Number(uid),
    state: state!,
    cpuMs: Number(cpuMs),
    ageMs: Number(ageMs),
    residentBytes: Number(residentKib) * 1024,
    command: command!,
  }];
}

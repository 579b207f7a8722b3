import { type NetworkCounters, type NetworkDenial, type NetworkEnd, refusalKey } from "../network/events.ts";
import { readCounters } from "../network/status.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { hasGateway } from "../state/machine_record.ts";
import { readNetworkLog } from "./logs.ts";

/** A machine's network in its current or last run. */
export interface NetworkDetails {
  /** Traffic that it has carried and refused; null when its gateway was killed or never ran. */
  counters: NetworkCounters | null;
  /** Why the network ended before the machine did; null: it did not. */
  error: string | null;
  /** The latest refusals, each kind once, the newest last. */
  denials: NetworkDenial[];
}

/** How many of the log's last lines are read, and how many kinds of denials are returned. */
const [MAX_LINES, MAX_DENIALS] = [1000, 20];

/** Returns details of a machine's network; null for a machine without one. */
export async function networkDetails(machine: ReadableMachine): Promise<NetworkDetails | null> {
  if (!hasGateway(machine.record)) return null;
  const counters = await readCounters(machine.runtimeFolder) ?? null;
  const denials = new Map<string, NetworkDenial>();
  let end: NetworkEnd | undefined;
  for await (const event of readNetworkLog(machine, { tail: MAX_LINES, follow: false })) {
    if (event.event === "end") {
      end = event;
      continue;
    }
    const key = refusalKey(event);
    const count = event.count + (denials.get(key)?.count ?? 0);
    denials.delete(key);
    denials.set(key, { ...event, count });
  }
  return {
    counters: counters ?? end?.counters ?? null,
    error: end?.reason ?? null,
    denials: [...denials.values()].slice(-MAX_DENIALS),
  };
}

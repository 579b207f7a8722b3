import { kindOf, type NetworkCounters, type NetworkDenial, type NetworkEnd } from "../network/events.ts";
import { readCounters } from "../network/status.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { hasGateway } from "../state/machine_record.ts";
import { readNetworkLog } from "./logs.ts";

/** A machine's network in its present or last run. */
export interface NetworkDetails {
  /** What it has carried and refused; null when its gateway was killed, or never ran. */
  counters: NetworkCounters | null;
  /** Why it ended while the machine went on; null: it did not. */
  error: string | null;
  /** What the guest was refused last, each kind once; the newest is last. */
  denials: NetworkDenial[];
}

/** So many of the last lines are looked at, and denials told. */
const [MAX_LINES, MAX_DENIALS] = [1000, 20];

/** The network of a machine; null for one without. */
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
    const key = kindOf(event);
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

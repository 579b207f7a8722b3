import type { ImageIdentity } from "../state/machine_record.ts";
import { type WarmMachine, warmProcess } from "../machine/warm.ts";

/** A machine that has booted, or is about to, and waits for who takes it: see `Machine.warm`. */
export interface WarmMachineInfo {
  /** Instance id, of the machine that it becomes too. */
  id: string;
  /** Whether it can be taken already. */
  state: "booting" | "warm";
  /** When it was made, ISO 8601 in UTC. */
  created: string;
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** The image that it is for; null: for whatever fits. */
  image: ImageIdentity | null;
  /** Process id of its VM. */
  pid: number | null;
}

/** The information about such a machine. */
export function warmInfoOf({ isReady, ...machine }: WarmMachine): WarmMachineInfo {
  const { id, created, cpus, memoryMib, image } = machine;
  return { id, state: isReady ? "warm" : "booting", created, cpus, memoryMib, image, pid: warmProcess(machine) };
}

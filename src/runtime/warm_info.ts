import type { ImageIdentity } from "../state/machine_record.ts";
import { type WarmMachine, warmProcess } from "../machine/warm.ts";

/** A warm machine, which has booted or is booting and was not taken yet: see {@linkcode Machine.warm}. */
export interface WarmMachineInfo {
  /** Instance id; the machine that it becomes keeps the id. */
  id: string;
  /** Whether it still boots or can be taken. */
  state: "booting" | "warm";
  /** When it was created, ISO 8601 in UTC. */
  created: string;
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** The only image that it can run; null: it can run any image or folder. */
  image: ImageIdentity | null;
  /** Process id of its VM; null: unknown. */
  pid: number | null;
}

/** Returns the information about a warm machine. */
export function warmInfoOf({ isReady, ...machine }: WarmMachine): WarmMachineInfo {
  const { id, created, cpus, memoryMib, image } = machine;
  return { id, state: isReady ? "warm" : "booting", created, cpus, memoryMib, image, pid: warmProcess(machine) };
}

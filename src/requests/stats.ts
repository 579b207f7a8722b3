import { messageOf } from "../errors.ts";
import { allocatedBytes } from "../host/disk_usage.ts";
import { usageOf } from "../host/process_usage.ts";
import { sleep } from "../host/sleep.ts";
import { log } from "../log.ts";
import type { ReadableMachine } from "../machine/find.ts";
import { readCounters } from "../network/status.ts";
import { hasGateway } from "../state/machine_record.ts";
import { diskFile } from "../state/machine_folders.ts";
import { usageInGuest } from "./processes.ts";

/** A machine's resource usage at one moment; null for unknown values. */
export interface MachineStats {
  /** Instance id of the machine. */
  id: string;
  /** Name of the machine. */
  name: string;
  /** Process id of the VM. */
  pid: number | null;
  /** CPU time of the VM's process since the previous sample, as a percentage of one CPU of the host. */
  cpuPercent: number | null;
  /** Resident memory of the VM's process on the host. */
  residentBytes: number | null;
  /** Memory in use in the guest. */
  guestUsedBytes: number | null;
  /** Total memory of the guest as its kernel reports it. */
  guestMemoryBytes: number | null;
  /** Space that its disk takes on the host. */
  diskUsedBytes: number;
  /** Size of its disk. */
  diskBytes: number;
  /** Bytes that the guest has received over its network in this run; null without a network or when it has ended. */
  netReceivedBytes: number | null;
  /** Bytes that the guest has sent over its network in this run. */
  netSentBytes: number | null;
  /** How often the network refused something to the guest. */
  netDenied: number | null;
  /** Number of processes in the guest. */
  processes: number | null;
}

/** The CPU time of a VM at one moment. */
interface CpuTime {
  cpuMs: number;
  atMs: number;
}

/** The time between two samples, in ms. */
const INTERVAL_MS = 1000;

/** Yields a sample of the machines that `select` returns, every second; the first one after a second. */
export async function* watchStats(select: () => ReadableMachine[]): AsyncGenerator<MachineStats[]> {
  let before = cpuTimes(select());
  while (true) {
    await sleep(INTERVAL_MS);
    const machines = select();
    const now = cpuTimes(machines);
    const percent = ({ id }: ReadableMachine) => cpuPercent(before.get(id), now.get(id));
    yield await Promise.all(machines.map((machine) => sample(machine, percent(machine))));
    before = now;
  }
}

async function sample(machine: ReadableMachine, cpuPercent: number | null): Promise<MachineStats> {
  const { id, folder, runtimeFolder, record, status: { process } } = machine;
  const { name, diskBytes } = record;
  // Without an answer from the guest, only the host's values are known.
  const guest = await usageInGuest(machine).catch((error) => log("info", messageOf(error)));
  const network = hasGateway(record) ? await readCounters(runtimeFolder) : undefined;
  return {
    id,
    name,
    pid: process?.pid ?? null,
    cpuPercent,
    residentBytes: process && (usageOf(process.pid)?.residentBytes ?? null),
    guestUsedBytes: guest?.memoryUsedBytes ?? null,
    guestMemoryBytes: guest?.memoryBytes ?? null,
    diskUsedBytes: allocatedBytes(diskFile(folder)),
    diskBytes,
    netReceivedBytes: network?.receivedBytes ?? null,
    netSentBytes: network?.sentBytes ?? null,
    netDenied: network?.denied ?? null,
    processes: guest?.processes.length ?? null,
  };
}

function cpuTimes(machines: ReadableMachine[]): Map<string, CpuTime> {
  return new Map(machines.flatMap(({ id, status: { process } }) => {
    const usage = process && usageOf(process.pid);
    return usage ? [[id, { cpuMs: usage.cpuMs, atMs: performance.now() }]] : [];
  }));
}

/** Null for a machine that is not in the previous sample. */
function cpuPercent(before: CpuTime | undefined, now: CpuTime | undefined): number | null {
  if (before === undefined || now === undefined) return null;
  return Math.max(0, (now.cpuMs - before.cpuMs) / (now.atMs - before.atMs) * 100);
}

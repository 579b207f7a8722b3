import { messageOf } from "../errors.ts";
import { allocatedBytes } from "../host/disk_usage.ts";
import { usageOf } from "../host/process_usage.ts";
import { log } from "../log.ts";
import { diskFile } from "../state/machine_folders.ts";
import type { Machine } from "./find.ts";
import { usageInGuest } from "./processes.ts";

/** What a machine uses at one moment; null for what is not known. */
export interface MachineStats {
  /** Instance id of the machine. */
  id: string;
  /** Name of the machine. */
  name: string;
  /** Process id of the VM. */
  pid: number | null;
  /** Processor time of the VM's process since the sample before, as a percentage of one CPU of the host. */
  cpuPercent: number | null;
  /** Memory of the host that the VM's process holds. */
  residentBytes: number | null;
  /** Memory in use in the guest. */
  guestUsedBytes: number | null;
  /** All memory that the guest's kernel can give. */
  guestMemoryBytes: number | null;
  /** What its disk takes up on the host. */
  diskUsedBytes: number;
  /** Size of its disk. */
  diskBytes: number;
  /** Not known: libkrun's TSI counts nothing. */
  netReceivedBytes: null;
  /** Not known either. */
  netSentBytes: null;
  /** Number of processes in the guest. */
  processes: number | null;
}

/** The processor time of a VM at one moment. */
interface CpuTime {
  cpuMs: number;
  atMs: number;
}

/** Between two samples, in ms. */
const INTERVAL_MS = 1000;

/** Samples the machines that `select` returns at the time, every second, from a second on. */
export async function* watchStats(select: () => Machine[]): AsyncGenerator<MachineStats[]> {
  let before = cpuTimes(select());
  while (true) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    const machines = select();
    const now = cpuTimes(machines);
    const percent = ({ id }: Machine) => cpuPercent(before.get(id), now.get(id));
    yield await Promise.all(machines.map((machine) => sample(machine, percent(machine))));
    before = now;
  }
}

async function sample(machine: Machine, cpuPercent: number | null): Promise<MachineStats> {
  const { id, folder, record: { name, diskBytes }, status: { process } } = machine;
  // One that does not answer has no figures of its own; the host's are there all the same.
  const guest = await usageInGuest(machine).catch((error) => log("info", messageOf(error)));
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
    netReceivedBytes: null,
    netSentBytes: null,
    processes: guest?.processes.length ?? null,
  };
}

function cpuTimes(machines: Machine[]): Map<string, CpuTime> {
  return new Map(machines.flatMap(({ id, status: { process } }) => {
    const usage = process && usageOf(process.pid);
    return usage ? [[id, { cpuMs: usage.cpuMs, atMs: performance.now() }]] : [];
  }));
}

/** Null for a machine that was not there before. */
function cpuPercent(before: CpuTime | undefined, now: CpuTime | undefined): number | null {
  if (before === undefined || now === undefined) return null;
  return Math.max(0, (now.cpuMs - before.cpuMs) / (now.atMs - before.atMs) * 100);
}

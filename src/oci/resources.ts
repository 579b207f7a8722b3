import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import type { OciLinux, OciResources } from "./config.ts";

const MIB = 1024 ** 2;
/** What the VM's processes may take beside the memory of the guest, in MiB: Deno, libkrun, files on their way. */
export const OVERHEAD_MIB = 512;
/** Threads of the VM's processes beside what the engine allows. */
const OVERHEAD_TASKS = 1024;
/** libkrun for x86 fails with memory between these, in MiB: its firmware lies there. */
const HOLE = { first: 3260, last: 3328 };
const KVM = { type: "c", major: 10, minor: 232 };

/** The size of a guest. */
export interface VmSize {
  cpus: number;
  memoryMib: number;
}

/** The size of the guest of a container with those limits; `defaults` where there is none. */
export function vmSize({ resources }: OciLinux, defaults: VmSize): VmSize {
  const { quota = 0, period = 100_000 } = resources?.cpu ?? {};
  const limit = resources?.memory?.limit ?? 0;
  const cpus = quota > 0 && period > 0 ? Math.ceil(quota / period) : defaults.cpus;
  // An engine without a limit may name the most that the kernel knows.
  const memoryMib = limit > 0 && limit < MAX_MEMORY_MIB * MIB ? Math.floor(limit / MIB) : defaults.memoryMib;
  const isInHole = memoryMib >= HOLE.first && memoryMib <= HOLE.last;
  return {
    cpus: Math.min(Math.max(cpus, 1), MAX_CPUS),
    memoryMib: isInHole ? HOLE.first - 1 : Math.max(memoryMib, MIN_MEMORY_MIB),
  };
}

/** The same limits for the processes around that guest. */
export function raisedLimits(resources: OciResources): OciResources {
  const { memory, pids } = resources;
  const raise = (bytes: number) => bytes + OVERHEAD_MIB * MIB;
  const limit = memory?.limit ?? 0;
  const isLimited = limit > 0 && limit < MAX_MEMORY_MIB * MIB;
  return {
    ...resources,
    ...isLimited && {
      memory: {
        ...memory,
        limit: raise(limit),
        ...memory?.swap !== undefined && memory.swap > 0 && { swap: raise(memory.swap) },
      },
    },
    ...pids?.limit !== undefined && pids.limit > 0 && { pids: { limit: pids.limit + OVERHEAD_TASKS } },
  };
}

/** The same for their control group, in which they may use KVM. */
export function outerResources({ resources = {} }: OciLinux): OciResources {
  return {
    ...raisedLimits(resources),
    devices: [...resources.devices ?? [], { allow: true, ...KVM, access: "rw" }],
  };
}

/** KVM's device, as the container is to have it. */
export const KVM_DEVICE = { path: "/dev/kvm", ...KVM, fileMode: 0o600, uid: 0, gid: 0 };

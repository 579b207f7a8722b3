import { belowMemoryHole, MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import type { OciLinux, OciResources } from "./config.ts";

const MIB = 1024 ** 2;
/** Memory for the VM's processes beside the guest's, in MiB: Deno, libkrun, file data in transit. */
export const OVERHEAD_MIB = 512;
/** Threads of the VM's processes, in addition to the engine's limit. */
const OVERHEAD_TASKS = 1024;
const KVM = { type: "c", major: 10, minor: 232 };

/** The size of a guest. */
export interface VmSize {
  cpus: number;
  memoryMib: number;
}

/** The size of a guest by its container's limits; `defaults` where there is no limit. */
export function vmSize({ resources }: OciLinux, defaults: VmSize): VmSize {
  const { quota = 0, period = 100_000 } = resources?.cpu ?? {};
  const limit = resources?.memory?.limit ?? 0;
  const cpus = quota > 0 && period > 0 ? Math.ceil(quota / period) : defaults.cpus;
  // Engines may pass the kernel's maximum for "no limit".
  const memoryMib = limit > 0 && limit < MAX_MEMORY_MIB * MIB ? Math.floor(limit / MIB) : defaults.memoryMib;
  return {
    cpus: Math.min(Math.max(cpus, 1), MAX_CPUS),
    memoryMib: belowMemoryHole(Math.max(memoryMib, MIN_MEMORY_MIB)),
  };
}

/** The limits for the VM's processes: the container's limits plus the VM's overhead. */
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

/** The resources of the control group of the VM's processes: raised limits, and access to KVM. */
export function outerResources({ resources = {} }: OciLinux): OciResources {
  return {
    ...raisedLimits(resources),
    devices: [...resources.devices ?? [], { allow: true, ...KVM, access: "rw" }],
  };
}

/** The KVM device to create in the container. */
export const KVM_DEVICE = { path: "/dev/kvm", ...KVM, fileMode: 0o600, uid: 0, gid: 0 };

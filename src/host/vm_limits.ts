import { SmolvmError } from "../errors.ts";
import { formatExact } from "../size.ts";

/**
 * The limits of a VM, on any host.
 *
 * @module
 */

/** libkrunfw's kernel is built for at most 16 CPUs. */
export const MAX_CPUS = 16;
/** The guest's kernel does not boot with less. */
export const MIN_MEMORY_MIB = 128;
/** libkrun for x86 fails with memory sizes in this range: it maps its firmware, below 4 GiB, over the guest's memory. */
const MEMORY_HOLE_MIB = { first: 3260, last: 3328 };
/** libkrun takes a u32; no host has 16 TiB. */
export const MAX_MEMORY_MIB = 16 * 1024 * 1024;

/** The memory size, or the next smaller one that libkrun supports, in MiB. */
export function belowMemoryHole(memoryMib: number): number {
  const { first, last } = MEMORY_HOLE_MIB;
  return Deno.build.arch === "x86_64" && memoryMib >= first && memoryMib <= last ? first - 1 : memoryMib;
}

/**
 * Refuses resources that libkrun would narrow silently or that its kernel cannot boot with.
 *
 * @throws {SmolvmError} `usage`.
 */
export function checkResources({ cpus, memoryMib }: { cpus: number; memoryMib: number }): void {
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
    throw new SmolvmError("usage", `Cannot give the machine ${cpus} CPUs: expected 1 to ${MAX_CPUS}`);
  }
  if (!Number.isInteger(memoryMib) || memoryMib < MIN_MEMORY_MIB || memoryMib > MAX_MEMORY_MIB) {
    const [memory, least, most] = [memoryMib, MIN_MEMORY_MIB, MAX_MEMORY_MIB].map((mib) =>
      formatExact(mib * 1024 ** 2)
    );
    throw new SmolvmError("usage", `Cannot give the machine ${memory} of memory: expected ${least} to ${most}`);
  }
  if (belowMemoryHole(memoryMib) !== memoryMib) {
    const { first, last } = MEMORY_HOLE_MIB;
    throw new SmolvmError(
      "usage",
      `Cannot give the machine ${memoryMib} MiB of memory: libkrun fails at ${first} to ${last} MiB`,
      { hint: `Use less than ${first} or more than ${last} MiB.` },
    );
  }
}

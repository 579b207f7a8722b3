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
/** libkrun takes a u32; no host has 16 TiB. */
export const MAX_MEMORY_MIB = 16 * 1024 * 1024;

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
  // The firmware is below 4 GiB: at these sizes libkrun maps it over the guest's memory.
  if (Deno.build.arch === "x86_64" && memoryMib >= 3260 && memoryMib <= 3328) {
    throw new SmolvmError(
      "usage",
      `Cannot give the machine ${memoryMib} MiB of memory: libkrun fails at 3260 to 3328 MiB`,
      {
        hint: "Use less than 3260 or more than 3328 MiB.",
      },
    );
  }
}

import { SmolvmError } from "../errors.ts";

/** Returns the boot time-out in ms, from `SMOLVM_BOOT_TIMEOUT`, which is in seconds. */
export function bootTimeoutMs(): number {
  const value = Deno.env.get("SMOLVM_BOOT_TIMEOUT") ?? "60";
  if (/^\d+(\.\d+)?$/.test(value) && Number(value) > 0 && Number(value) <= 86_400) return Number(value) * 1000;
  throw new SmolvmError("usage", `Cannot use SMOLVM_BOOT_TIMEOUT="${value}": expected seconds from above 0 to 86400`);
}

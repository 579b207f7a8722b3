import { SmolvmError } from "../errors.ts";
import { BOOT_TIMEOUT_MS } from "../state/machine_record.ts";
import type { VmSize } from "./resources.ts";

/** The configuration, one `KEY=VALUE` per line. A file, because engines clear the environment. */
export const SETTINGS_FILE = "/etc/smolvm/oci.conf";

/** The settings of the runtime, except `runtime`, which the launcher reads. */
export interface Settings {
  /** The size of the guest for a container without limits. */
  size: VmSize;
  /** How long a guest may take to boot, in ms. */
  bootTimeoutMs: number;
}

const KEYS = ["runtime", "memory-mib", "cpus", "boot-timeout"];

/**
 * Reads the settings; a missing file counts as empty.
 *
 * @throws {SmolvmError} `config`.
 */
export function readSettings(): Settings {
  try {
    return parseSettings(Deno.readTextFileSync(SETTINGS_FILE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return parseSettings("");
    throw error;
  }
}

/** @throws {SmolvmError} `config`. */
export function parseSettings(text: string): Settings {
  const values = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, key, value] = /^([a-z-]+)=(.+)$/.exec(line) ?? [];
    if (key === undefined || !KEYS.includes(key)) {
      throw new SmolvmError(
        "config",
        `Cannot read "${SETTINGS_FILE}": line ${index + 1} is none of ${KEYS.join(", ")}`,
      );
    }
    values.set(key, value!.trim());
  }
  return {
    size: { cpus: positive(values, "cpus", 1), memoryMib: positive(values, "memory-mib", 512) },
    bootTimeoutMs: positive(values, "boot-timeout", BOOT_TIMEOUT_MS / 1000) * 1000,
  };
}

function positive(values: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = values.get(key) ?? `${fallback}`;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new SmolvmError("config", `Cannot use ${key}="${text}" of "${SETTINGS_FILE}": expected a positive number`);
}

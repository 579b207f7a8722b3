import { Fields } from "../fields.ts";
import { jailPrefix } from "../jail/prefix.ts";
import { BOOT_ATTEMPTS, RunnerProcess } from "../link/runner_process.ts";
import { logLevel } from "../log.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { ephemeralFolders } from "../state/machine_folders.ts";
import { parseRecord } from "../state/machine_record.ts";
import { generateId, generateName } from "../state/names.ts";
import type { WarmRecord } from "../state/warm.ts";
import type { Root } from "./launch.ts";
import type { Mounts } from "./warm_host.ts";

/** How many machines are to wait, of what size and for how long. */
export interface Places {
  /** How many wait. */
  count: number;
  cpus: number;
  memoryMib: number;
  /** How long each waits to be taken, in seconds. */
  idleS: number;
  /** How long a guest may take to boot, in ms. */
  bootTimeoutMs: number;
}

/** What they are made of besides. */
export interface Making extends Places, Mounts, Pick<WarmRecord, "host" | "image">, Pick<Root, "rootfs" | "prefix"> {}

/** A machine whose root is not known yet. */
export const ANY_ROOT = { image: null, rootfs: { path: "/" }, prefix: [] };

/** A machine on its way to wait. */
export interface Boot {
  /** Settles when it needs this process no longer. */
  sent: Promise<void>;
  /** Settles when it waits. */
  booted: Promise<void>;
}

/** Boots what is missing of those machines, of which so many are there. */
export function bootMissing(present: number, making: Making): Boot[] {
  const spec = specOf(making);
  return Array.from({ length: Math.max(0, making.count - present) }, () => bootWarm(spec, making.prefix));
}

/** Boots a machine that waits; one whose VM dies at its first steps again, as {@linkcode BOOT_ATTEMPTS} says. */
function bootWarm(spec: RunnerSpec, prefix: readonly string[], attempts = BOOT_ATTEMPTS): Boot {
  const jail = jailPrefix({ isJailed: true, keepsNetwork: false, isWarm: true });
  const runner = RunnerProcess.spawn([...prefix, ...jail]);
  const sent = runner.send(spec);
  const follow = async () => {
    await sent;
    try {
      await runner.started(spec);
    } catch (error) {
      if (attempts === 1 || !await runner.diedSilently(spec)) throw error;
      return await bootWarm(spec, prefix, attempts - 1).booted;
    }
    await runner.release();
  };
  return { sent, booted: follow() };
}

/** A machine that waits; its id and its folders are its runner's choice. */
function specOf(
  { count, cpus, memoryMib, idleS, bootTimeoutMs, host, image, rootfs, rootMount, mounts }: Making,
): RunnerSpec {
  const id = generateId();
  // What it lacks has the default of a new machine.
  const nothing = {
    id,
    name: generateName(),
    created: new Date().toISOString(),
    source: image === null ? { folder: "/" } : { image },
    cpus,
    memoryMib,
    command: { argv: [] },
  };
  return {
    machine: parseRecord(new Fields(nothing, { what: "Warm machine", code: "internal" })),
    ...ephemeralFolders(id),
    ephemeral: true,
    held: false,
    isJailed: true,
    warm: { host, most: count, idleS, rootMount, mounts },
    attached: false,
    rootfs,
    nameservers: [],
    networks: [],
    gateway: [],
    terminal: null,
    stdin: false,
    commandLog: null,
    helloTimeoutMs: bootTimeoutMs,
    logLevel: logLevel(),
  };
}

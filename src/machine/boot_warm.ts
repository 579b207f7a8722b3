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

/** How many warm machines to keep, of which size and for how long. */
export interface WarmTarget {
  /** The number of warm machines. */
  count: number;
  cpus: number;
  memoryMib: number;
  /** How long a machine stays warm if no client takes it, in seconds. */
  idleS: number;
  /** How long a guest may take to boot, in ms. */
  bootTimeoutMs: number;
}

/** Everything that is needed to boot warm machines. */
export interface WarmPlan
  extends WarmTarget, Mounts, Pick<WarmRecord, "host" | "image">, Pick<Root, "rootfs" | "prefix"> {}

/** The root of warm machines that serve any image or folder: they get their root filesystem when they are taken. */
export const ANY_ROOT = { image: null, rootfs: { path: "/" }, prefix: [] };

/** A warm machine that is being booted. */
export interface WarmBoot {
  /** Settles when the machine no longer needs this process. */
  sent: Promise<void>;
  /** Settles when the machine is warm. */
  booted: Promise<void>;
}

/** Boots warm machines until there are `plan.count`; `present` of them exist already. */
export function bootMissing(present: number, plan: WarmPlan): WarmBoot[] {
  const spec = specOf(plan);
  return Array.from({ length: Math.max(0, plan.count - present) }, () => bootWarm(spec, plan.prefix));
}

/** Boots a warm machine; tries up to {@linkcode BOOT_ATTEMPTS} times if its VM dies while the kernel starts. */
function bootWarm(spec: RunnerSpec, prefix: readonly string[], attempts = BOOT_ATTEMPTS): WarmBoot {
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

/** The specification of a warm machine. Its runner replaces the id and the folders by its own. */
function specOf(
  { count, cpus, memoryMib, idleS, bootTimeoutMs, host, image, rootfs, rootMount, mounts }: WarmPlan,
): RunnerSpec {
  const id = generateId();
  // Missing fields get the defaults of a new machine.
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

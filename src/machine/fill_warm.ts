import { readConfig } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { BOOT_TIMEOUT_MS } from "../state/machine_record.ts";
import { isSameKind, listPlaces, removePlace, REPLACEMENT_TIME_VARIABLE, type WarmMachine } from "../state/warm.ts";
import { ANY_ROOT, bootMissing, type WarmPlan, type WarmTarget } from "./boot_warm.ts";
import type { Root } from "./launch.ts";
import { hostOfWarm, readMounts } from "./warm_host.ts";

/**
 * Boots the missing warm machines of this size, if the user's configuration wants any; settles when they no longer need
 * this process.
 */
export async function bootMissingWarm({ cpus, memoryMib }: Pick<WarmTarget, "cpus" | "memoryMib">): Promise<void> {
  const { warm: count, warmIdle: idleS, defaultCpus, defaultMem } = await readConfig();
  if (count === 0 || cpus !== defaultCpus || memoryMib !== defaultMem) return;
  const host = hostOfWarm();
  if (host === undefined) return;
  const places = { count, cpus, memoryMib, idleS, bootTimeoutMs: BOOT_TIMEOUT_MS };
  await fill({ ...places, ...await readMounts(), host, ...ANY_ROOT });
}

/**
 * Boots a replacement for a warm machine that this process has taken. The machine's `smolvm-jail` cannot boot it,
 * because it runs in buildah's namespace. Settles when the replacement no longer needs this process.
 */
export async function replaceTaken(
  taken: WarmMachine,
  { rootfs, prefix }: Pick<Root, "rootfs" | "prefix">,
): Promise<void> {
  // Take the time before freeing the place, as `smolvm-jail` does: see changePlaces().
  const late = ["env", `${REPLACEMENT_TIME_VARIABLE}=${Date.now()}`];
  if (!removePlace(taken)) return;
  const places = { ...taken, count: taken.most, bootTimeoutMs: BOOT_TIMEOUT_MS };
  await fill({ ...places, ...await readMounts(), rootfs, prefix: [...late, ...prefix] });
}

/** Boots the missing warm machines; settles when they no longer need this process. */
async function fill(plan: WarmPlan): Promise<void> {
  const places = listPlaces().filter((place) => isSameKind(place, plan));
  await Promise.all(
    bootMissing(places.length, plan).map(async ({ sent, booted }) => {
      booted.catch((error) => log("info", `cannot keep a machine warm: ${messageOf(error)}`));
      await sent;
    }),
  );
}

import { readConfig } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { BOOT_TIMEOUT_MS } from "../state/machine_record.ts";
import { givePlace, isSameKind, listPlaces, SUCCEEDS_AT, type WarmMachine } from "../state/warm.ts";
import { ANY_ROOT, bootMissing, type Making, type Places } from "./boot_warm.ts";
import type { Root } from "./launch.ts";
import { hostOfWarm, readMounts } from "./warm_host.ts";

/**
 * Has boot what is missing of the machines of that size that the user's configuration wants to wait; settles when that
 * needs this process no longer.
 */
export async function fillPlaces({ cpus, memoryMib }: Pick<Places, "cpus" | "memoryMib">): Promise<void> {
  const { warm: count, warmIdle: idleS, defaultCpus, defaultMem } = await readConfig();
  if (count === 0 || cpus !== defaultCpus || memoryMib !== defaultMem) return;
  const host = hostOfWarm();
  if (host === undefined) return;
  const places = { count, cpus, memoryMib, idleS, bootTimeoutMs: BOOT_TIMEOUT_MS };
  await fill({ ...places, ...await readMounts(), host, ...ANY_ROOT });
}

/**
 * Boots a machine in the place of one that this process has taken and whose `smolvm-jail`, in a namespace of buildah's,
 * cannot do so; settles when it needs this process no longer.
 */
export async function fillPlaceOf(
  taken: WarmMachine,
  { rootfs, prefix }: Pick<Root, "rootfs" | "prefix">,
): Promise<void> {
  // Before the place is free, as `smolvm-jail` does.
  const late = ["env", `${SUCCEEDS_AT}=${Date.now()}`];
  if (!givePlace(taken)) return;
  const places = { ...taken, count: taken.most, bootTimeoutMs: BOOT_TIMEOUT_MS };
  await fill({ ...places, ...await readMounts(), rootfs, prefix: [...late, ...prefix] });
}

/** Has boot what is missing; settles when that needs this process no longer. */
async function fill(making: Making): Promise<void> {
  const places = listPlaces().filter((place) => isSameKind(place, making));
  await Promise.all(
    bootMissing(places.length, making).map(async ({ sent, booted }) => {
      booted.catch((error) => log("info", `cannot keep a machine warm: ${messageOf(error)}`));
      await sent;
    }),
  );
}

import { SmolvmError } from "../errors.ts";
import { isLocked } from "../host/lock.ts";
import { checkVirtualization } from "../host/virtualization.ts";
import { exists } from "../host/files.ts";
import { killProcess } from "../host/process_identity.ts";
import { sleep } from "../host/sleep.ts";
import { checkResources } from "../host/vm_limits.ts";
import { type ImageReference, parseReference } from "../image/reference.ts";
import { TakenLink } from "../link/taken_link.ts";
import { machineLock } from "../state/machine_folders.ts";
import { readProcess } from "../state/machine_process.ts";
import { readStatus } from "../state/status.ts";
import { changePlaces, isSameKind, isUntaken, listWarmMachines, type WarmMachine, warmSocket } from "../state/warm.ts";
import { ANY_ROOT, bootMissing, type WarmPlan, type WarmTarget } from "./boot_warm.ts";
import { type ImageOptions, imageRoot } from "./launch.ts";
import { hostOfWarm, readMounts } from "./warm_host.ts";

export { listWarmMachines, type WarmMachine };

/** How many warm machines to keep, and of which kind. */
export interface KeepWarmOptions extends WarmTarget, ImageOptions {
  /** The image that they serve; without it they serve any image or folder. */
  image?: string | undefined;
}

/** How long to wait for the removal of a killed machine's files. */
const CLEAN_UP_MS = 3000;
/** How often to look at a machine that is still booting. */
const POLL_MS = 50;

/**
 * Keeps `options.count` warm machines of this size and image: pulls a missing image, ends the machines that were kept
 * with another count, and boots the missing ones. Settles when all of them are warm.
 *
 * @throws {SmolvmError} when a machine cannot be booted.
 */
export async function keepWarm(options: KeepWarmOptions): Promise<void> {
  if (Deno.build.os !== "linux") {
    throw new SmolvmError("usage", "Cannot keep machines warm on this system: only Linux supports it");
  }
  checkResources(options);
  const reference = options.image === undefined ? undefined : parseReference(options.image);
  checkVirtualization();
  const host = hostOfWarm();
  if (host === undefined) {
    throw new SmolvmError("usage", "Cannot keep machines warm: this script may not read smolvm's files and variables", {
      hint: "Allow the script to read them.",
    });
  }
  using prepared = await prepareRoot(reference, options);
  const { image, rootfs, prefix } = prepared;
  const plan = { ...options, ...await readMounts(), host, image, rootfs, prefix };
  const isOfKind = (place: WarmMachine) => isSameKind(place, plan);
  // The replacement of a taken machine inherits `most` from it: end the machines that have another count.
  const { kept, lost } = await changePlaces((place) => !isOfKind(place) || place.most === options.count);
  await Promise.all(lost.map(endWarm));
  const booted = await Promise.allSettled(
    bootMissing(kept.filter(isOfKind).length, plan).map(({ booted }) => booted),
  );
  const failed = booted.find((result) => result.status === "rejected" && !isEnough(result.reason));
  if (failed?.status === "rejected") throw failed.reason;
}

/** Returns the root of machines that serve this image; the image is kept until the result is disposed of. */
async function prepareRoot(
  reference: ImageReference | undefined,
  options: ImageOptions,
): Promise<Pick<WarmPlan, "image" | "rootfs" | "prefix"> & Disposable> {
  if (reference === undefined) return { ...ANY_ROOT, [Symbol.dispose]: () => {} };
  const { root, image } = await imageRoot(reference, options);
  return { image, rootfs: root.rootfs, prefix: root.prefix, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

/** Whether registerWarm() refused the machine, because another process has booted enough machines meanwhile. */
function isEnough(error: unknown): boolean {
  return error instanceof SmolvmError && error.code === "machine-state";
}

/** Ends all warm machines of any size and image. */
export async function endAllWarm(): Promise<void> {
  const { lost } = await changePlaces(() => false);
  await Promise.all(lost.map(endWarm));
}

/** Returns the process id of a warm machine's VM, if known. */
export function warmProcess({ folder }: Pick<WarmMachine, "folder">): number | null {
  try {
    return readProcess(folder)?.pid ?? null;
  } catch (error) {
    if (error instanceof SmolvmError) return null; // The machine is gone.
    throw error;
  }
}

/** Ends a warm machine: takes it, so that no other client gets it, and releases it. Waits until its files are gone. */
async function endWarm(machine: WarmMachine): Promise<void> {
  const { folder } = machine;
  while (isUntaken(machine)) {
    const link = await TakenLink.take(warmSocket(machine), { hasBooted: true });
    if (link !== undefined) {
      await link.release();
      await link.exited;
    } else {
      // A machine that is still booting cannot be taken. No client will take it later either: it has lost its place.
      const process = readStatus(folder)?.state === "starting" ? readProcess(folder) : null;
      if (process !== null) await killProcess(process);
      await sleep(POLL_MS);
    }
  }
  // Its `smolvm-jail` removes the folder, unless another client has taken the machine.
  const deadline = performance.now() + CLEAN_UP_MS;
  while (exists(folder) && !isLocked(machineLock(folder)) && performance.now() < deadline) await sleep(POLL_MS);
}

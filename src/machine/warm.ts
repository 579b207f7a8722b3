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
import { ANY_ROOT, bootMissing, type Making, type Places } from "./boot_warm.ts";
import { type ImageOptions, imageRoot } from "./launch.ts";
import { hostOfWarm, readMounts } from "./warm_host.ts";

export { listWarmMachines, type WarmMachine };

/** What warm machines there are to be. */
export interface KeepWarmOptions extends Places, ImageOptions {
  /** The image that they are for; for anything that fits when absent. */
  image?: string | undefined;
}

/** How long what a killed one leaves may take to be removed. */
const CLEAN_UP_MS = 3000;
/** How often one that still boots is looked at. */
const POLL_MS = 50;

/**
 * Makes as many machines of that size and image wait as is said: pulls a missing image, boots those that are missing, and
 * ends those that are too many. Settles when all of them wait.
 *
 * @throws {SmolvmError} for why one cannot be booted.
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
    throw new SmolvmError("usage", "Cannot keep machines warm: this script may not read what they would run with", {
      hint: "Allow it to read smolvm's own files and its variables.",
    });
  }
  using prepared = await prepareRoot(reference, options);
  const { image, rootfs, prefix } = prepared;
  const making = { ...options, ...await readMounts(), host, image, rootfs, prefix };
  const isOfKind = (place: WarmMachine) => isSameKind(place, making);
  // Who follows one knows of how many it was one.
  const { kept, lost } = await changePlaces((place) => !isOfKind(place) || place.most === options.count);
  await Promise.all(lost.map(endWarm));
  const booted = await Promise.allSettled(
    bootMissing(kept.filter(isOfKind).length, making).map(({ booted }) => booted),
  );
  const failed = booted.find((result) => result.status === "rejected" && !isEnough(result.reason));
  if (failed?.status === "rejected") throw failed.reason;
}

/** The root of machines that are for an image, which stays as it is until this is disposed of. */
async function prepareRoot(
  reference: ImageReference | undefined,
  options: ImageOptions,
): Promise<Pick<Making, "image" | "rootfs" | "prefix"> & Disposable> {
  if (reference === undefined) return { ...ANY_ROOT, [Symbol.dispose]: () => {} };
  const { root, image } = await imageRoot(reference, options);
  return { image, rootfs: root.rootfs, prefix: root.prefix, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

/** Whether another process was faster. */
function isEnough(error: unknown): boolean {
  return error instanceof SmolvmError && error.code === "machine-state";
}

/** Ends all warm machines, of whatever size. */
export async function endAllWarm(): Promise<void> {
  const { lost } = await changePlaces(() => false);
  await Promise.all(lost.map(endWarm));
}

/** The process of the VM of a warm machine, if it is known. */
export function warmProcess({ folder }: Pick<WarmMachine, "folder">): number | null {
  try {
    return readProcess(folder)?.pid ?? null;
  } catch (error) {
    if (error instanceof SmolvmError) return null; // It is gone.
    throw error;
  }
}

/** Takes the machine and drops it: nobody else gets it, and nothing of it is left. */
async function endWarm(machine: WarmMachine): Promise<void> {
  const { folder } = machine;
  while (isUntaken(machine)) {
    const link = await TakenLink.take(warmSocket(machine), { hasBooted: true });
    if (link !== undefined) {
      await link.release();
      await link.exited;
    } else {
      // One that still boots has no taker, and without its place will find none.
      const process = readStatus(folder)?.state === "starting" ? readProcess(folder) : null;
      if (process !== null) await killProcess(process);
      await sleep(POLL_MS);
    }
  }
  // What it was behind removes it, unless it was taken.
  const deadline = performance.now() + CLEAN_UP_MS;
  while (exists(folder) && !isLocked(machineLock(folder)) && performance.now() < deadline) await sleep(POLL_MS);
}

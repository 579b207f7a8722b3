import { RunnerProcess } from "../link/runner_process.ts";
import { TakenLink } from "../link/taken_link.ts";
import { log } from "../log.ts";
import type { Order } from "../jail/supervisor.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { endedMark } from "../state/machine_folders.ts";
import { hasGateway, imageOf, writeEphemeralRecord } from "../state/machine_record.ts";
import { hasName } from "../state/machines.ts";
import { claimName, namesFolder } from "../state/names.ts";
import { isSameKind, listReadyWarm, type WarmMachine, warmSocket } from "../state/warm.ts";
import { DEFAULT_DISK_BYTES } from "../storage/disk.ts";
import { jailPrefix } from "../jail/prefix.ts";
import { hostOfWarm, readMounts } from "./warm_host.ts";

/** A warm machine that this process has taken, and its runner. */
export interface Taken {
  runner: RunnerProcess;
  warm: WarmMachine;
}

/**
 * Takes a warm machine that fits the spec, if there is one. `spec` then has the id and the folders of that machine, and
 * the machine's runner waits for `spec`.
 *
 * @throws {SmolvmError} `usage` when the name is taken; `storage`. The warm machine has ended then.
 */
export async function takeWarmMachine(spec: RunnerSpec, prefix: readonly string[]): Promise<Taken | undefined> {
  if (!canBeWarm(spec, prefix)) return undefined;
  const waiting = listReadyWarm();
  const host = waiting.length > 0 ? hostOfWarm() : undefined;
  if (host === undefined) return undefined;
  const image = imageOf(spec.machine);
  // Prefer machines booted for this image: no other image can use them. If the image is mounted only in buildah's
  // namespace (`variable`), no other warm machine can access it.
  const images = image === null ? [null] : "path" in spec.rootfs ? [image, null] : [image];
  const wanted = images.flatMap((image) =>
    waiting.filter((warm) => isSameKind(warm, { ...spec.machine, host, image }))
  );
  // A machine in buildah's namespace does not see mounts that were made after it booted, and volumes may be on them.
  const needed = "variable" in spec.rootfs && spec.machine.volumes.length > 0 ? (await readMounts()).mounts : undefined;
  for (const warm of wanted) {
    if (needed !== undefined && warm.mounts !== needed) continue;
    const link = await TakenLink.take(warmSocket(warm), { hasBooted: true });
    if (link === undefined) continue;
    log("debug", `took the warm machine ${warm.id}`);
    const runner = new RunnerProcess(link);
    try {
      await become(spec, warm, link);
      return { runner, warm };
    } catch (error) {
      await runner.end();
      throw error;
    }
  }
}

/** Whether a warm machine can serve this spec: it has nothing that must exist before the boot. */
export function canBeWarm({ machine, ephemeral }: RunnerSpec, prefix: readonly string[]): boolean {
  const { ports, diskBytes } = machine;
  return ephemeral && ports.length === 0 && !hasGateway(machine) && diskBytes === DEFAULT_DISK_BYTES &&
    prefix.join("\0").endsWith(jailPrefix({ isJailed: true, keepsNetwork: false }).join("\0"));
}

/** Turns a warm machine into the machine of `spec`. Its supervisor then also removes that machine's name at the end. */
async function become(spec: RunnerSpec, warm: WarmMachine, link: TakenLink): Promise<void> {
  const { id, folder, runtimeFolder } = warm;
  const { machine, rootfs, held } = spec;
  machine.id = id;
  Object.assign(spec, { folder, runtimeFolder });
  const root = "path" in rootfs ? rootfs.path : "";
  link.order([
    ...held ? [["e"] as const] : [],
    ["h", endedMark(folder)],
    ["n", namesFolder(), machine.name, id],
    ...warm.image === null ? [["b", "ro", root] as const] : [],
    ...machine.volumes.map(({ source, readOnly }): Order => ["b", readOnly ? "ro" : "rw", source]),
  ]);
  writeEphemeralRecord(folder, machine);
  await claimName(machine, hasName);
}

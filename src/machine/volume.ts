import { dirname, resolve } from "../host/path.ts";
import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import type { VolumeSpec } from "../state/machine_record.ts";

/**
 * Resolves the host folders of volumes to absolute paths without symlinks, and sorts the volumes into mount order.
 * Relative paths are relative to the working directory.
 *
 * @throws {SmolvmError} `volume` for a missing folder, a single file, or two volumes at the same mount point.
 */
export function resolveVolumes(volumes: readonly VolumeSpec[]): VolumeSpec[] {
  return orderVolumes(volumes).map(resolveVolume);
}

/**
 * Sorts volumes into mount order: outer folders first, because a later mount on an outer folder would hide the mounts
 * inside it.
 *
 * @throws {SmolvmError} `volume` for two volumes at the same mount point.
 */
export function orderVolumes(volumes: readonly VolumeSpec[]): VolumeSpec[] {
  const targets = new Set<string>();
  for (const { target } of volumes) {
    if (targets.has(target)) throw new SmolvmError("volume", `Cannot mount two volumes at "${target}"`);
    targets.add(target);
  }
  const depth = ({ target }: VolumeSpec) => target.split("/").length;
  return volumes.toSorted((a, b) => depth(a) - depth(b));
}

function resolveVolume({ source, target, readOnly }: VolumeSpec): VolumeSpec {
  const path = resolve(source);
  try {
    const real = Deno.realPathSync(path);
    if (Deno.statSync(real).isDirectory) return { source: real, target, readOnly };
  } catch (error) {
    throw new SmolvmError("volume", `Cannot mount volume "${path}": ${osReason(error)}`, { cause: error });
  }
  const parent = dirname(path);
  throw new SmolvmError("volume", `Cannot mount volume "${path}": it is a single file, expected a folder`, {
    hint: `Mount its parent folder "${parent}" instead.`,
  });
}

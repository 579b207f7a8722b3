import { dirname, resolve } from "../host/path.ts";
import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import type { VolumeSpec } from "../state/machine_record.ts";

/**
 * Finds the host's folders of volumes; relative ones are relative to the working directory.
 *
 * @throws {SmolvmError} `volume` for one that is missing, a single file, or mounted where another one is.
 */
export function resolveVolumes(volumes: readonly VolumeSpec[]): VolumeSpec[] {
  return orderVolumes(volumes).map(resolveVolume);
}

/**
 * Puts volumes into the order in which they are mounted: outer folders first, or they would hide what is mounted
 * inside them.
 *
 * @throws {SmolvmError} `volume` for one that is mounted where another one is.
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

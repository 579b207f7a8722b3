import { log } from "../log.ts";
import { type FoundMachine, isReadable, listMachines } from "../state/lookup.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { isLive } from "../state/status.ts";

/**
 * Warns when another running machine can also write to the folder of a volume. libkrun's virtiofs does not share file
 * locks between guests, so programs that rely on locks, such as databases, overwrite each other's data.
 */
export function warnOfSharedVolumes(machine: MachineRecord): void {
  if (writableFolders(machine).length === 0) return;
  for (const { name, folder } of findSharedVolumes(machine, listMachines())) {
    log("warn", `Machine "${name}" can write to "${folder}" as well: file locks in one do not affect the other`);
  }
}

/** Finds the other running machines that can write to a volume's folder, to a subfolder or to a parent folder. */
export function findSharedVolumes(
  machine: MachineRecord,
  machines: readonly FoundMachine[],
): { name: string; folder: string }[] {
  const folders = writableFolders(machine);
  return machines.filter(isReadable).flatMap(({ record, status }) => {
    if (record.id === machine.id || !isLive(status.state)) return [];
    const others = writableFolders(record);
    const folder = folders.find((folder) => others.some((other) => isIn(folder, other) || isIn(other, folder)));
    return folder === undefined ? [] : [{ name: record.name, folder }];
  });
}

function writableFolders({ volumes }: MachineRecord): string[] {
  return volumes.filter(({ readOnly }) => !readOnly).map(({ source }) => source);
}

function isIn(folder: string, outer: string): boolean {
  return folder === outer || folder.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
}

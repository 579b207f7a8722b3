import { log } from "../log.ts";
import { type FoundMachine, isReadable, listMachines } from "../state/lookup.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { isLive } from "../state/status.ts";

/**
 * Warns when another machine that runs can write to a folder of a volume, too. libkrun's share knows no locks: each
 * guest keeps its own, and programs that rely on them, such as databases, write over each other.
 */
export function warnOfSharedVolumes(machine: MachineRecord): void {
  if (writableFolders(machine).length === 0) return;
  for (const { name, folder } of findSharedVolumes(machine, listMachines())) {
    log("warn", `Machine "${name}" can write to "${folder}" as well: file locks of one do not hold in the other`);
  }
}

/** The other machines that run and can write to a folder of a volume, or to one inside it or around it. */
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

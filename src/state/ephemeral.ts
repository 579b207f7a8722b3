import { folders } from "../host/folders.ts";
import { acquireLock, isLocked } from "../host/lock.ts";
import { ephemeralsFolder, type MachineFolders, namesIn, removeMachineFolders, unheldIn } from "./machine_folders.ts";
import { hasName } from "./machines.ts";
import { type NameClaim, releaseName, sweepNames } from "./names.ts";
import { warmFile } from "./warm.ts";

/** Removes the files and the name of an ephemeral machine, if they exist. */
export async function removeEphemeralMachine({ id, name, folder, runtimeFolder }: MachineFolders & NameClaim) {
  await releaseName({ id, name });
  await removeMachineFolders({ folder, runtimeFolder });
}

/** The folders of ephemeral machines whose runner and client were both killed before either could remove them. */
export function abandonedEphemerals(): string[] {
  const parent = ephemeralsFolder();
  const folders = unheldIn(parent, namesIn(parent).filter((name) => name !== ".lock"));
  // Keep the folder of a warm machine while its smolvm-jail runs: it still needs warm.json to boot the replacement.
  return folders.filter((folder) => !isLocked(warmFile(folder)));
}

/** Removes the ephemeral machines whose runner and client were both killed before either could remove them. */
export async function sweepEphemeralMachines(): Promise<void> {
  const parent = ephemeralsFolder();
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for (const folder of abandonedEphemerals()) {
    await removeMachineFolders({ folder, runtimeFolder: `${folders().runtime}/${folder.slice(parent.length + 1)}` });
  }
  await sweepNames(hasName);
}

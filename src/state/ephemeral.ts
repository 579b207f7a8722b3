import { acquireLock, isLocked } from "./lock.ts";
import { ephemeralFolders, ephemeralsFolder, type MachineFolders, removeMachineFolders } from "./machine_folders.ts";
import { isCalled } from "./machines.ts";
import { type NameClaim, releaseName, sweepNames } from "./names.ts";
import { machineLock } from "./status.ts";

/** Removes what an ephemeral machine left, as far as it is there. */
export async function removeEphemeralMachine({ id, name, folder, runtimeFolder }: MachineFolders & NameClaim) {
  await releaseName({ id, name });
  await removeMachineFolders({ folder, runtimeFolder });
}

/** Removes the ephemeral machines whose runner and client were both killed before either could. */
export async function sweepEphemeralMachines(): Promise<void> {
  const parent = ephemeralsFolder();
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    if (isDirectory && !isLocked(machineLock(`${parent}/${name}`))) await removeMachineFolders(ephemeralFolders(name));
  }
  await sweepNames(isCalled);
}

import { folders } from "../host/folders.ts";
import { acquireLock } from "./lock.ts";
import { ephemeralsFolder, type MachineFolders, namesIn, removeMachineFolders, unheldIn } from "./machine_folders.ts";
import { isCalled } from "./machines.ts";
import { type NameClaim, releaseName, sweepNames } from "./names.ts";

/** Removes what an ephemeral machine left, as far as it is there. */
export async function removeEphemeralMachine({ id, name, folder, runtimeFolder }: MachineFolders & NameClaim) {
  await releaseName({ id, name });
  await removeMachineFolders({ folder, runtimeFolder });
}

/** The folders of ephemeral machines whose runner and client were both killed before either could remove them. */
export function abandonedEphemerals(): string[] {
  const parent = ephemeralsFolder();
  return unheldIn(parent, namesIn(parent).filter((name) => name !== ".lock"));
}

/**
 * Removes the ephemeral machines whose runner and client were both killed before either could.
 *
 * @param runtime holds their runtime folders; a runner in a user namespace must say, since it takes itself for root's
 */
export async function sweepEphemeralMachines(runtime = folders().runtime): Promise<void> {
  const parent = ephemeralsFolder();
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for (const folder of abandonedEphemerals()) {
    await removeMachineFolders({ folder, runtimeFolder: `${runtime}/${folder.slice(parent.length + 1)}` });
  }
  await sweepNames(isCalled);
}

import { folders } from "../host/folders.ts";
import { acquireLock } from "./lock.ts";
import { isRunning, type MachineFolders, removeMachineFolders } from "./machine_folders.ts";
import { claimName, type NameClaim, releaseName, sweepNames } from "./names.ts";

/** The folders of an ephemeral machine, apart from those that persist: whatever is there and unlocked is rubbish. */
export function ephemeralFolders(id: string): MachineFolders {
  const { state, runtime } = folders();
  return { folder: `${state}/ephemeral/${id}`, runtimeFolder: `${runtime}/${id}` };
}

/**
 * Gives an ephemeral machine its name.
 *
 * @throws {SmolvmError} `usage` when a running machine has it.
 */
export function claimEphemeralName(claim: NameClaim): Promise<void> {
  return claimName(claim, ephemeralExists);
}

/** Removes what an ephemeral machine left, as far as it is there. */
export async function removeEphemeralMachine(machine: MachineFolders & NameClaim): Promise<void> {
  await releaseName(machine);
  await removeMachineFolders(machine);
}

/** Removes the ephemeral machines whose runner and client were both killed before either could. */
export async function sweepEphemeralMachines(): Promise<void> {
  const parent = `${folders().state}/ephemeral`;
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    if (isDirectory && !await isRunning(`${parent}/${name}`)) await removeMachineFolders(ephemeralFolders(name));
  }
  await sweepNames(ephemeralExists);
}

function ephemeralExists(id: string): Promise<boolean> {
  return isRunning(ephemeralFolders(id).folder);
}

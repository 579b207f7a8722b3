import { messageOf, SmolvmError } from "../errors.ts";
import { removeIfThere } from "../host/files.ts";
import { osReason } from "../host/os_error.ts";
import { isAlive } from "../host/process_identity.ts";
import { log } from "../log.ts";
import { syncFolderOf } from "./atomic_write.ts";
import { acquireLock, isLocked, type Lock } from "./lock.ts";
import { createMachineFolder, machineExists, machinesFolder, namesIn, persistentFolders } from "./machine_folders.ts";
import { type MachineRecord, writeRecord } from "./machine_record.ts";
import { claimName, releaseNames } from "./names.ts";
import { CREATED, isLive, machineLock, readStatus, writeStatus } from "./status.ts";

/** Whoever looks at a lock holds it for a moment, and a runner ends a moment after its last word. */
const LOCK_PATIENCE_MS = 5000;
const LOCK_POLL_MS = 20;

/** The folders of machines that are being made or removed. */
const UNFINISHED = /^\.(new|gone)-/;

/**
 * Makes a machine that persists: whole, or not at all.
 *
 * @param fill puts the rest of it, such as its disk, into its folder
 * @throws {SmolvmError} `usage` when its name is taken; `storage`; what `fill` throws. Nothing is left then.
 */
export async function createMachine(record: MachineRecord, fill: (folder: string) => void): Promise<void> {
  await sweepRemains();
  const { folder } = persistentFolders(record.id);
  const draft = `${machinesFolder()}/.new-${record.id}`;
  using _ = createMachineFolder(draft);
  try {
    fill(draft);
    await writeStatus(draft, CREATED);
    await writeRecord(draft, record);
    await claimName(record, machineExists, () => Deno.rename(draft, folder));
    await syncFolderOf(folder);
  } catch (error) {
    await removeIfThere(draft);
    throw error;
  }
}

/**
 * Takes the lock of a machine for its runner, or for whoever changes or removes it while it does not run; `undefined`
 * when it runs.
 *
 * @throws {SmolvmError} `no-machine` when the machine is gone.
 */
export async function lockMachine(folder: string): Promise<Lock | undefined> {
  const deadline = performance.now() + LOCK_PATIENCE_MS;
  while (true) {
    const lock = await tryLock(folder);
    if (lock !== undefined) return lock;
    const { state, process } = readStatus(folder) ?? CREATED;
    if (isLive(state) && process && isAlive(process)) return undefined;
    if (performance.now() > deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

async function tryLock(folder: string): Promise<Lock | undefined> {
  try {
    return await acquireLock(machineLock(folder), { exclusive: true, wait: false });
  } catch (error) {
    if (!(error instanceof SmolvmError && error.cause instanceof Deno.errors.NotFound)) throw error;
    throw new SmolvmError("no-machine", "The machine is gone: it was deleted meanwhile", { cause: error });
  }
}

/** Removes a machine for the holder of its lock: nobody sees half of it. */
export async function removeMachine(id: string): Promise<void> {
  const { folder, runtimeFolder } = persistentFolders(id);
  const remains = `${machinesFolder()}/.gone-${id}`;
  await removeIfThere(runtimeFolder);
  try {
    await Deno.rename(folder, remains);
  } catch (error) {
    throw new SmolvmError("storage", `Cannot remove "${folder}": ${osReason(error)}`, { cause: error });
  }
  await releaseNames(id);
  await removeIfThere(remains);
  await sweepRemains();
}

/** Removes what was left of machines whose making or removal was cut off, as far as that can be removed. */
async function sweepRemains(): Promise<void> {
  const parent = machinesFolder();
  const remains = namesIn(parent).filter((name) => UNFINISHED.test(name)).map((name) => `${parent}/${name}`);
  if (remains.length === 0) return;
  using _ = await acquireLock(`${parent}/.lock`, { exclusive: true, wait: true });
  for (const folder of remains) {
    try {
      if (!isLocked(machineLock(folder))) await removeIfThere(folder);
    } catch (error) {
      log("warn", messageOf(error));
    }
  }
}

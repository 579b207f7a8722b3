import { messageOf, SmolvmError } from "../errors.ts";
import { removeIfThere } from "../host/files.ts";
import { osReason } from "../host/os_error.ts";
import { isAlive } from "../host/process_identity.ts";
import { log } from "../log.ts";
import { syncFolderOf } from "./atomic_write.ts";
import { acquireLock, type Lock } from "./lock.ts";
import {
  createMachineFolder,
  machineExists,
  machinesFolder,
  namesIn,
  persistentFolders,
  unheldIn,
} from "./machine_folders.ts";
import { type MachineRecord, readRecord, writeRecord } from "./machine_record.ts";
import { claimName, lockNames, releaseName, releaseNames } from "./names.ts";
import { CREATED, isLive, machineLock, readStatus, writeStatus } from "./status.ts";

/** Whoever looks at a lock, or deletes a machine, holds it for a moment; on a busy host that may be long. */
const LOCK_PATIENCE_MS = 30_000;
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
    await claimName(record, isCalled, () => Deno.rename(draft, folder));
    await syncFolderOf(folder);
  } catch (error) {
    await removeIfThere(draft);
    throw error;
  }
}

/**
 * Whether there is a machine with that id and it is called so. Its record says that, not the index of names; when that
 * cannot be read, nobody else gets the name.
 */
export function isCalled(id: string, name: string): boolean {
  try {
    return readRecord(persistentFolders(id).folder).name === name;
  } catch {
    return machineExists(id); // Or it is an ephemeral one, which keeps its name.
  }
}

/**
 * Changes what a machine that persists is; other changes come before or after.
 *
 * @throws {SmolvmError} `state`, `storage`; what `change` throws. Nothing is changed then.
 */
export async function changeRecord(folder: string, change: (record: MachineRecord) => MachineRecord): Promise<void> {
  using _ = await lockNames();
  await writeRecord(folder, change(readRecord(folder)));
}

/**
 * Gives a machine that persists another name. It has either at every moment, and the other one is free.
 *
 * @throws {SmolvmError} `usage` for a name that is none or is taken; `state`, `storage`.
 */
export async function renameMachine(id: string, name: string): Promise<void> {
  const { folder } = persistentFolders(id);
  let before: string | undefined;
  await claimName({ id, name }, isCalled, async () => {
    const record = readRecord(folder);
    before = record.name;
    await writeRecord(folder, { ...record, name });
  });
  await releaseName({ id, name: before! });
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

/** The folders of machines whose making or removal was cut off. */
export function abandonedRemains(): string[] {
  const parent = machinesFolder();
  return unheldIn(parent, namesIn(parent).filter((name) => UNFINISHED.test(name)));
}

/** Removes what was left of machines whose making or removal was cut off, as far as that can be removed. */
export async function sweepRemains(): Promise<void> {
  if (abandonedRemains().length === 0) return;
  using _ = await acquireLock(`${machinesFolder()}/.lock`, { exclusive: true, wait: true });
  for (const folder of abandonedRemains()) {
    try {
      await removeIfThere(folder);
    } catch (error) {
      log("warn", messageOf(error));
    }
  }
}

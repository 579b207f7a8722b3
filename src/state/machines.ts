import { messageOf, SmolvmError } from "../errors.ts";
import { syncFolderOf } from "../host/atomic_write.ts";
import { removeIfThere } from "../host/files.ts";
import { acquireLock, type Lock } from "../host/lock.ts";
import { removeTree } from "../host/remove_tree.ts";
import { osReason } from "../host/os_error.ts";
import { sleep } from "../host/sleep.ts";
import { isAlive } from "../host/process_identity.ts";
import { log } from "../log.ts";
import {
  createMachineFolder,
  machineExists,
  machineLock,
  machinesFolder,
  namesIn,
  persistentFolders,
  unheldIn,
} from "./machine_folders.ts";
import { type MachineRecord, readRecord, writeRecord } from "./machine_record.ts";
import { claimName, lockNames, releaseName, releaseNames } from "./names.ts";
import { CREATED, isLive, readStatus, writeStatus } from "./status.ts";

/** How long to wait for a lock that an observer or a delete holds for a moment; a busy host may need long. */
const LOCK_PATIENCE_MS = 30_000;
const LOCK_POLL_MS = 20;

/** The folders of machines that are being made or removed. */
const UNFINISHED = /^\.(new|gone)-/;

/**
 * Creates a persistent machine atomically.
 *
 * @param fill writes its other files, such as its disk, into its folder
 * @throws {SmolvmError} `usage` when its name is taken; `storage`; what `fill` throws. Leaves no files behind then.
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
    await claimName(record, hasName, () => Deno.rename(draft, folder));
    await syncFolderOf(folder);
  } catch (error) {
    removeTree(draft);
    throw error;
  }
}

/**
 * Whether the machine with this id exists and has this name. Its record decides, not the index of names; if the record
 * cannot be read, no other machine may get the name.
 */
export function hasName(id: string, name: string): boolean {
  try {
    return readRecord(persistentFolders(id).folder).name === name;
  } catch {
    return machineExists(id); // Unreadable, or an ephemeral machine, which keeps its name.
  }
}

/**
 * Changes the record of a persistent machine; concurrent changes wait for each other.
 *
 * @throws {SmolvmError} `state`, `storage`; what `change` throws. Nothing is changed then.
 */
export async function changeRecord(folder: string, change: (record: MachineRecord) => MachineRecord): Promise<void> {
  using _ = await lockNames();
  await writeRecord(folder, change(readRecord(folder)));
}

/**
 * Renames a persistent machine. At every moment it has exactly one of the names, and the other one is free.
 *
 * @throws {SmolvmError} `usage` for a name that is invalid or taken; `state`, `storage`.
 */
export async function renameMachine(id: string, name: string): Promise<void> {
  const { folder } = persistentFolders(id);
  let before: string | undefined;
  await claimName({ id, name }, hasName, async () => {
    const record = readRecord(folder);
    before = record.name;
    await writeRecord(folder, { ...record, name });
  });
  await releaseName({ id, name: before! });
}

/**
 * Takes the lock of a machine to run it, or to change or remove it while it does not run; `undefined` when it runs.
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
    await sleep(LOCK_POLL_MS);
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

/** Removes a machine atomically. The caller holds its lock. */
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
  removeTree(remains);
  await sweepRemains();
}

/** The folders of machines whose creation or removal was interrupted. */
export function abandonedRemains(): string[] {
  const parent = machinesFolder();
  return unheldIn(parent, namesIn(parent).filter((name) => UNFINISHED.test(name)));
}

/** Removes the folders of machines whose creation or removal was interrupted; logs those that cannot be removed. */
export async function sweepRemains(): Promise<void> {
  if (abandonedRemains().length === 0) return;
  using _ = await acquireLock(`${machinesFolder()}/.lock`, { exclusive: true, wait: true });
  for (const folder of abandonedRemains()) {
    try {
      removeTree(folder);
    } catch (error) {
      log("warn", messageOf(error));
    }
  }
}

import { SmolvmError } from "../errors.ts";
import { writeFileAtomicSync } from "../host/atomic_write.ts";
import { exists, removeIfThere } from "../host/files.ts";
import { acquireLock, isLocked, type Lock } from "../host/lock.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { ephemeralFolders, ephemeralsFolder, type MachineFolders, machineLock, namesIn } from "./machine_folders.ts";
import { type ImageIdentity, parseImage, recordFile } from "./machine_record.ts";
import { readStateFile } from "./state_file.ts";

/**
 * Warm machines are booted in advance and become an ephemeral machine when a client takes them. Each has the folder of
 * an ephemeral machine, with `warm.json` in place of a record. While it is warm, it has a socket in its runtime folder;
 * the first client that connects to the socket takes the machine: see `src/jail/helper/warm.c`.
 *
 * A warm machine also has a place, which is its `warm.json`. When a machine that has its place is taken, a replacement
 * is booted.
 *
 * @module
 */

/** The description of a warm machine, in `warm.json`. */
export interface WarmRecord {
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** The result of `hostOfWarm()`: a client can take the machine only if its own result is the same. */
  host: string;
  /** The only image that it can run; null: it has no root filesystem yet and can run any image or folder. */
  image: ImageIdentity | null;
  /** The maximum number of warm machines with this size, host and image. */
  most: number;
  /** How long it stays warm if no client takes it, in seconds. */
  idleS: number;
  /** A hash of the mounts that the process that booted it sees. */
  mounts: string;
  /** When it was created, ISO 8601 in UTC. */
  created: string;
}

/** The properties that decide whether a warm machine fits a spec. */
export type WarmKind = Pick<WarmRecord, "cpus" | "memoryMib" | "host" | "image">;

/** A warm machine as found on disk. */
export interface WarmMachine extends WarmRecord, MachineFolders {
  id: string;
  /** Whether a client can take it; otherwise it is still booting. */
  isReady: boolean;
}

const SCHEMA = 1;

/** The socket on which a client takes a warm machine; `src/jail/helper/ahead.c` looks for these sockets too. */
export function warmSocket({ runtimeFolder }: Pick<MachineFolders, "runtimeFolder">): string {
  return `${runtimeFolder}/warm.sock`;
}

/**
 * The file with the description of a warm machine, which is also its place: if the file still exists after the machine
 * was taken, a replacement is booted. The machine's `smolvm-jail` keeps the file locked until it has started the
 * replacement.
 */
export function warmFile(folder: string): string {
  return `${folder}/warm.json`;
}

/** The variable with the time at which a replacement was requested, in ms since 1970; `warm.c` has the name too. */
export const REPLACEMENT_TIME_VARIABLE = "SMOLVM_SUCCEEDS_AT";

/**
 * Registers a warm machine while it boots.
 *
 * @throws {SmolvmError} `machine-state` when there are enough machines of its kind, or when it is a replacement and the
 * user has changed the places since it was requested; `storage`.
 */
export async function registerWarm(folder: string, record: WarmRecord): Promise<void> {
  // Locked, because two concurrent registrations could exceed the maximum.
  using lock = await lockPlaces();
  const place = Deno.env.get(REPLACEMENT_TIME_VARIABLE);
  const isLate = place !== undefined && Number(place) <= Deno.statSync(lock.path).mtime!.getTime();
  if (isLate || listPlaces().filter((place) => isSameKind(place, record)).length >= record.most) {
    throw new SmolvmError("machine-state", "There are enough warm machines already");
  }
  writeFileAtomicSync(warmFile(folder), `${JSON.stringify({ schema: SCHEMA, ...record })}\n`);
}

/**
 * Removes the places of the machines that `isWanted` refuses. They are no longer listed and get no replacement.
 * Replacements that are already booting for any machine taken earlier are refused too.
 *
 * @returns the machines that keep their places, and those that have lost them and still run
 */
export async function changePlaces(
  isWanted: (place: WarmMachine) => boolean,
): Promise<{ kept: WarmMachine[]; lost: WarmMachine[] }> {
  if (!exists(ephemeralsFolder())) return { kept: [], lost: [] };
  using lock = await lockPlaces();
  const places = listPlaces();
  const lost = places.filter((place) => !isWanted(place));
  for (const { folder } of lost) await removeIfThere(warmFile(folder));
  // registerWarm() refuses replacements that were requested before this time.
  Deno.utimeSync(lock.path, new Date(), new Date());
  return { kept: places.filter((place) => !lost.includes(place)), lost };
}

/**
 * Gives up the place of a machine that was taken; if it returns `true`, the caller may boot a replacement.
 */
export function removePlace({ folder }: Pick<MachineFolders, "folder">): boolean {
  try {
    Deno.removeSync(warmFile(folder));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // The place was removed, or another process fills it.
    throw error;
  }
}

/** Takes the lock that keeps sweeps away from new machines; it also serializes changes of places. */
async function lockPlaces(): Promise<Lock> {
  return await acquireLock(`${ephemeralsFolder()}/.lock`, { exclusive: true, wait: true });
}

/** Whether two machines are interchangeable. */
export function isSameKind(a: WarmKind, b: WarmKind): boolean {
  return a.cpus === b.cpus && a.memoryMib === b.memoryMib && a.host === b.host &&
    a.image?.imageId === b.image?.imageId;
}

/** Returns the warm machines that can be taken, the oldest first. Checks only their sockets, to be fast at a start. */
export function listReadyWarm(): WarmMachine[] {
  return readyIds().flatMap(readWarm).sort(byAge);
}

/** Returns the warm machines that can be taken or still boot, the oldest first. */
export function listWarmMachines(): WarmMachine[] {
  return listPlaces().filter(isUntaken);
}

/** The same, plus the machines that were taken and whose place is not filled yet. */
export function listPlaces(): WarmMachine[] {
  return idsOf().flatMap(readWarm).filter(({ folder }) => isLocked(machineLock(folder))).sort(byAge);
}

/** Whether a warm machine exists and was not taken. */
export function isUntaken({ folder }: MachineFolders): boolean {
  return !exists(recordFile(folder)) && isLocked(machineLock(folder));
}

/** Orders by age, the oldest first. */
function byAge(a: WarmMachine, b: WarmMachine): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : 0;
}

/** Returns the ids of the warm machines that can be taken. */
function readyIds(): string[] {
  return idsOf().filter((id) => exists(warmSocket(ephemeralFolders(id))));
}

function idsOf(): string[] {
  return namesIn(ephemeralsFolder()).filter((name) => !name.startsWith("."));
}

/** Returns an empty list when the machine is not warm or is gone. */
function readWarm(id: string): WarmMachine[] {
  const folders = ephemeralFolders(id);
  try {
    const fields = readStateFile(warmFile(folders.folder), SCHEMA);
    if (fields === undefined) return [];
    const record: WarmRecord = {
      cpus: fields.integer("cpus", 1, MAX_CPUS),
      memoryMib: fields.integer("memoryMib", MIN_MEMORY_MIB, MAX_MEMORY_MIB),
      host: fields.string("host"),
      image: fields.has("image") ? parseImage(fields.object("image")) : null,
      most: fields.integer("most", 1, Number.MAX_SAFE_INTEGER),
      idleS: fields.integer("idleS", 1, Number.MAX_SAFE_INTEGER),
      mounts: fields.string("mounts"),
      created: fields.string("created"),
    };
    fields.end();
    return [{ id, ...folders, ...record, isReady: exists(warmSocket(folders)) }];
  } catch (error) {
    // Ignore a machine of another smolvm version: it ends by itself.
    if (error instanceof SmolvmError) return [];
    throw error;
  }
}

import { SmolvmError } from "../errors.ts";
import { writeFileAtomicSync } from "../host/atomic_write.ts";
import { exists, removeIfThere } from "../host/files.ts";
import { acquireLock, isLocked, type Lock } from "../host/lock.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { ephemeralFolders, ephemeralsFolder, type MachineFolders, machineLock, namesIn } from "./machine_folders.ts";
import { type ImageIdentity, parseImage, recordFile } from "./machine_record.ts";
import { readStateFile } from "./state_file.ts";

/**
 * Warm machines: they have booted before anybody wanted one, and wait to become an ephemeral machine. Each has the
 * folder of one, with a file that says what it is in place of a record, and in its runtime folder a socket while it
 * waits. Who connects to that first takes it: see `src/jail/helper/warm.c`.
 *
 * @module
 */

/** What a warm machine is. */
export interface WarmRecord {
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** What who takes it must agree in beside its size. */
  host: string;
  /** The image whose runs alone may take it; null: it has no root yet. */
  image: ImageIdentity | null;
  /** How many of its size, host and image there are at most. */
  most: number;
  /** How long it waits, in seconds. */
  idleS: number;
  /** What changes with every mount that who made it sees. */
  mounts: string;
  /** When it was made, ISO 8601 in UTC. */
  created: string;
}

/** What of that says whether a machine will do. */
export type WarmKind = Pick<WarmRecord, "cpus" | "memoryMib" | "host" | "image">;

/** A warm machine that nobody has taken. */
export interface WarmMachine extends WarmRecord, MachineFolders {
  id: string;
  /** Whether it waits; otherwise it still boots. */
  isReady: boolean;
}

const SCHEMA = 1;

/** The socket by which a machine is taken; `src/jail/helper/ahead.c` looks for them too. */
export function warmSocket({ runtimeFolder }: Pick<MachineFolders, "runtimeFolder">): string {
  return `${runtimeFolder}/warm.sock`;
}

/**
 * What the machine is. With it goes the right to its place: one that was taken is followed by another while it is there.
 * Its `smolvm-jail` holds its lock until it has had another start.
 */
export function warmFile(folder: string): string {
  return `${folder}/warm.json`;
}

/** The variable that says when a machine was to start in the place of another one, in ms since 1970; `warm.c` has it too. */
export const SUCCEEDS_AT = "SMOLVM_SUCCEEDS_AT";

/**
 * Makes a warm machine known, while it boots.
 *
 * @throws {SmolvmError} `machine-state` when there are as many of its kind as there are to be, or when it succeeds one
 * whose user has changed their mind meanwhile; `storage`.
 */
export async function registerWarm(folder: string, record: WarmRecord): Promise<void> {
  // Two that do this at once would be too many.
  using lock = await lockPlaces();
  const place = Deno.env.get(SUCCEEDS_AT);
  const isLate = place !== undefined && Number(place) <= Deno.statSync(lock.path).mtime!.getTime();
  if (isLate || listPlaces().filter((place) => isSameKind(place, record)).length >= record.most) {
    throw new SmolvmError("machine-state", "There are enough warm machines already");
  }
  writeFileAtomicSync(warmFile(folder), `${JSON.stringify({ schema: SCHEMA, ...record })}\n`);
}

/**
 * Takes their places from those machines that `isWanted` refuses: nobody who looks sees them any more, and nothing
 * follows them or any other one that was taken before.
 *
 * @returns both those that keep their places and those that have lost them, which still wait
 */
export async function changePlaces(
  isWanted: (place: WarmMachine) => boolean,
): Promise<{ kept: WarmMachine[]; lost: WarmMachine[] }> {
  if (!exists(ephemeralsFolder())) return { kept: [], lost: [] };
  using lock = await lockPlaces();
  const places = listPlaces();
  const lost = places.filter((place) => !isWanted(place));
  for (const { folder } of lost) await removeIfThere(warmFile(folder));
  // By this time the successors know that are on their way.
  Deno.utimeSync(lock.path, new Date(), new Date());
  return { kept: places.filter((place) => !lost.includes(place)), lost };
}

/**
 * Gives away the place of a machine that was taken: the one that gets `true` may have another one start.
 */
export function givePlace({ folder }: Pick<MachineFolders, "folder">): boolean {
  try {
    Deno.removeSync(warmFile(folder));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // It is wanted no longer, or filled already.
    throw error;
  }
}

/** The lock that keeps sweeps from new machines, and warm ones from each other. */
async function lockPlaces(): Promise<Lock> {
  return await acquireLock(`${ephemeralsFolder()}/.lock`, { exclusive: true, wait: true });
}

/** Whether one machine would do where another would. */
export function isSameKind(a: WarmKind, b: WarmKind): boolean {
  return a.cpus === b.cpus && a.memoryMib === b.memoryMib && a.host === b.host &&
    a.image?.imageId === b.image?.imageId;
}

/** The warm machines that wait, the oldest first: only the look at the socket tells, so that a start loses no time. */
export function waitingMachines(): WarmMachine[] {
  return readyIds().flatMap(readWarm).sort(byAge);
}

/** The warm machines that wait or boot, the oldest first. */
export function listWarmMachines(): WarmMachine[] {
  return listPlaces().filter(isUntaken);
}

/** The same, and those that were taken and whose place is still to be filled. */
export function listPlaces(): WarmMachine[] {
  return idsOf().flatMap(readWarm).filter(({ folder }) => isLocked(machineLock(folder))).sort(byAge);
}

/** Whether a warm machine is there and not taken. */
export function isUntaken({ folder }: MachineFolders): boolean {
  return !exists(recordFile(folder)) && isLocked(machineLock(folder));
}

/** The order of age, the oldest first. */
function byAge(a: WarmMachine, b: WarmMachine): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : 0;
}

/** Those of the machines that wait. */
function readyIds(): string[] {
  return idsOf().filter((id) => exists(warmSocket(ephemeralFolders(id))));
}

function idsOf(): string[] {
  return namesIn(ephemeralsFolder()).filter((name) => !name.startsWith("."));
}

/** Empty when it is none, or is gone. */
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
    // One of another version of smolvm is none of ours: it ends by itself.
    if (error instanceof SmolvmError) return [];
    throw error;
  }
}

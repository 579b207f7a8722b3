import { SmolvmError } from "../errors.ts";
import { isLocked } from "../host/lock.ts";
import { nearestName } from "../nearest.ts";
import {
  ephemeralFolders,
  ephemeralsFolder,
  machineExists,
  type MachineFolders,
  machineLock,
  machinesFolder,
  namesIn,
  persistentFolders,
} from "./machine_folders.ts";
import { type MachineRecord, readRecord } from "./machine_record.ts";
import { holderOf } from "./names.ts";
import { checkOwner } from "./state_file.ts";
import { type MachineStatus, observeStatus } from "./status.ts";

/** A machine as found on disk. */
export interface ReadableMachine extends MachineFolders {
  id: string;
  /** Whether it ends with the `run` that made it. */
  ephemeral: boolean;
  record: MachineRecord;
  status: MachineStatus;
}

/** A machine whose files cannot be read. It is removed only at the user's request. */
export interface UnreadableMachine extends MachineFolders {
  id: string;
  /** Why they cannot be read. */
  error: SmolvmError;
}

/** A machine, readable or not. */
export type FoundMachine = ReadableMachine | UnreadableMachine;

/** Whether a machine's files could be read. */
export function isReadable(machine: FoundMachine): machine is ReadableMachine {
  return "record" in machine;
}

/** The name of a machine, or its id when its files cannot be read. */
export function nameOf(machine: FoundMachine): string {
  return isReadable(machine) ? machine.record.name : machine.id;
}

/** All persistent machines and the ephemeral ones that run, the oldest first. Changes nothing. */
export function listMachines(): FoundMachine[] {
  const persistent = idsIn(machinesFolder()).flatMap(readPersistent);
  const ephemeral = idsIn(ephemeralsFolder()).flatMap(readEphemeral);
  const age = (machine: FoundMachine) => isReadable(machine) ? machine.record.created : "";
  return [...persistent, ...ephemeral].sort((a, b) => age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0);
}

/**
 * Finds a machine by its name or the unique beginning of its id.
 *
 * @throws {SmolvmError} `no-machine`, with the nearest name; `usage` when several ids match.
 */
export function findMachine(nameOrId: string): FoundMachine {
  // The index avoids reading every machine; if it is lost, they are all read.
  const holder = holderOf(nameOrId);
  const indexed = holder === undefined ? undefined : readEphemeral(holder)[0] ?? readPersistent(holder)[0];
  if (indexed && (!isReadable(indexed) || indexed.record.name === nameOrId)) return indexed;
  const machines = listMachines();
  const byName = machines.find((machine) => isReadable(machine) && machine.record.name === nameOrId);
  if (byName) return byName;
  const [first, second] = machines.filter(({ id }) => nameOrId !== "" && id.startsWith(nameOrId));
  if (first === undefined) throw noSuchMachine(nameOrId, machines);
  if (second === undefined) return first;
  throw new SmolvmError("usage", `Cannot tell which machine "${nameOrId}" is: several ids start with it`);
}

/**
 * Finds a machine by its full id.
 *
 * @throws {SmolvmError} `no-machine`.
 */
export function findMachineById(id: string): FoundMachine {
  const found = readEphemeral(id)[0] ?? readPersistent(id)[0];
  if (found) return found;
  throw new SmolvmError("no-machine", `No such machine: "${id}"`);
}

function noSuchMachine(name: string, machines: FoundMachine[]): SmolvmError {
  const names = machines.filter(isReadable).map(({ record }) => record.name);
  const nearest = nearestName(name, names);
  return new SmolvmError("no-machine", `No such machine: "${name}"`, {
    hint: nearest === undefined ? undefined : `Did you mean "${nearest}"?`,
  });
}

/** Returns an empty list when the machine is gone. */
function readPersistent(id: string): FoundMachine[] {
  const machine = readMachine(id, persistentFolders(id));
  // A delete renames the whole folder, possibly while it is being read.
  return machineExists(id) ? [machine] : [];
}

/** Returns an empty list unless the machine runs. While it starts or ends, its files are incomplete. */
function readEphemeral(id: string): ReadableMachine[] {
  const folders = ephemeralFolders(id);
  if (!isLocked(machineLock(folders.folder))) return [];
  const machine = readMachine(id, folders);
  return isReadable(machine) && isLocked(machineLock(folders.folder)) ? [{ ...machine, ephemeral: true }] : [];
}

function readMachine(id: string, folders: MachineFolders): FoundMachine {
  try {
    checkOwner(folders.folder);
    const record = readRecord(folders.folder);
    if (record.id !== id) throw unreadable(`"${folders.folder}" holds the files of machine ${record.id}`);
    return { id, ...folders, ephemeral: false, record, status: observeStatus(folders.folder) };
  } catch (error) {
    const reason = error instanceof SmolvmError ? error : unreadable(String(error));
    return { id, ...folders, error: reason };
  }
}

function unreadable(message: string): SmolvmError {
  return new SmolvmError("state", message);
}

/** The ids in a folder of machines, without those being made or removed. */
function idsIn(folder: string): string[] {
  return namesIn(folder).filter((name) => !name.startsWith("."));
}

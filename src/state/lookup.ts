import { SmolvmError } from "../errors.ts";
import { nearestName } from "../nearest.ts";
import { isLocked } from "./lock.ts";
import {
  ephemeralFolders,
  ephemeralsFolder,
  machineExists,
  type MachineFolders,
  machinesFolder,
  namesIn,
  persistentFolders,
} from "./machine_folders.ts";
import { type MachineRecord, readRecord } from "./machine_record.ts";
import { holderOf } from "./names.ts";
import { checkOwner } from "./state_file.ts";
import { machineLock, type MachineStatus, observeStatus } from "./status.ts";

/** A machine as whoever looks at it finds it. */
export interface Machine extends MachineFolders {
  id: string;
  /** Ends with the `run` that made it. */
  ephemeral: boolean;
  record: MachineRecord;
  status: MachineStatus;
}

/** A machine whose files cannot be read. Nothing but its owner's word removes it. */
export interface UnreadableMachine extends MachineFolders {
  id: string;
  /** Why. */
  error: SmolvmError;
}

/** Either of them. */
export type FoundMachine = Machine | UnreadableMachine;

/** Whether a machine's files could be read. */
export function isReadable(machine: FoundMachine): machine is Machine {
  return "record" in machine;
}

/** What to call a machine: its name, or its id when that cannot be read. */
export function nameOf(machine: FoundMachine): string {
  return isReadable(machine) ? machine.record.name : machine.id;
}

/** Every machine: those that persist, and the ephemeral ones while they run; the oldest first. Changes nothing. */
export function listMachines(): FoundMachine[] {
  const persistent = idsIn(machinesFolder()).flatMap(readPersistent);
  const ephemeral = idsIn(ephemeralsFolder()).flatMap(readEphemeral);
  const age = (machine: FoundMachine) => isReadable(machine) ? machine.record.created : "";
  return [...persistent, ...ephemeral].sort((a, b) => age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0);
}

/**
 * The machine with that name, or whose id begins so if that is the only one.
 *
 * @throws {SmolvmError} `no-machine`, with the nearest name; `usage` when several ids begin so.
 */
export function findMachine(nameOrId: string): FoundMachine {
  // The index spares reading every machine; it may be lost, and then they are read after all.
  const holder = holderOf(nameOrId);
  const indexed = holder === undefined ? undefined : readEphemeral(holder)[0] ?? readPersistent(holder)[0];
  if (indexed && (!isReadable(indexed) || indexed.record.name === nameOrId)) return indexed;
  const machines = listMachines();
  const byName = machines.find((machine) => isReadable(machine) && machine.record.name === nameOrId);
  if (byName) return byName;
  const [first, second] = machines.filter(({ id }) => nameOrId !== "" && id.startsWith(nameOrId));
  if (first === undefined) throw noSuchMachine(nameOrId, machines);
  if (second === undefined) return first;
  throw new SmolvmError("usage", `Cannot tell which machine "${nameOrId}" is: several ids begin so`);
}

/**
 * The machine with that whole id.
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

/** None when it is gone. */
function readPersistent(id: string): FoundMachine[] {
  const machine = readMachine(id, persistentFolders(id));
  // Its folder goes as a whole, also while it is read.
  return isReadable(machine) || machineExists(id) ? [machine] : [];
}

/** None when it does not run, or has only just begun to or to end: its files come and go with its runner. */
function readEphemeral(id: string): Machine[] {
  const folders = ephemeralFolders(id);
  if (!isLocked(machineLock(folders.folder))) return [];
  const machine = readMachine(id, folders);
  return isReadable(machine) ? [{ ...machine, ephemeral: true }] : [];
}

function readMachine(id: string, folders: MachineFolders): FoundMachine {
  try {
    checkOwner(folders.folder);
    const record = readRecord(folders.folder);
    if (record.id !== id) throw unreadable(`"${folders.folder}" holds the files of machine ${record.id}`);
    const status = observeStatus(folders.folder);
    if (status === undefined) throw unreadable(`"${folders.folder}/status.json" is missing`);
    return { id, ...folders, ephemeral: false, record, status };
  } catch (error) {
    const reason = error instanceof SmolvmError ? error : unreadable(String(error));
    return { id, ...folders, error: reason };
  }
}

function unreadable(message: string): SmolvmError {
  return new SmolvmError("state", message);
}

/** What a folder of machines holds, but for what is being made or removed. */
function idsIn(folder: string): string[] {
  return namesIn(folder).filter((name) => !name.startsWith("."));
}

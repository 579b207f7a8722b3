import { SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { writeFileAtomic } from "./atomic_write.ts";
import { readStateFile } from "./state_file.ts";

/** What a machine is, from its creation to its removal. */
export interface MachineRecord {
  /** Instance id, unique for all time; names its folders. */
  id: string;
  /** Name the user knows the machine by. */
  name: string;
  /** When it was made, ISO 8601 in UTC. */
  created: string;
  /** Where its root filesystem comes from. */
  source: MachineSource;
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** Size of its disk in bytes. */
  diskBytes: number;
  /** Folders of the host in the guest. */
  volumes: VolumeSpec[];
  /** Ports of the guest that the host's clients reach. */
  ports: PortSpec[];
  /** Network by TSI. */
  net: boolean;
  /** Name server; null: the host's, as it is at each start. */
  dns: string | null;
  /** Host name in the guest. */
  hostname: string;
  /** What it runs. */
  command: MachineCommand;
  /** Number on Linux of the signal that asks the command to end. */
  stopSignal: number;
}

/** A folder of the host, absolute and without symlinks, or an image. */
export type MachineSource = { folder: string } | { image: ImageIdentity };

/** An image that was resolved: its name may have moved on since. */
export interface ImageIdentity {
  /** In full, such as `docker.io/library/alpine:latest`. */
  reference: string;
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
}

/** A folder of the host mounted in the guest. */
export interface VolumeSpec {
  /** Folder of the host, absolute and without symlinks. */
  source: string;
  /** Absolute path in the guest, created when missing. */
  target: string;
  /** Whether the host refuses the guest's writes. */
  readOnly: boolean;
}

/** A TCP port of the guest behind one of the host. */
export interface PortSpec {
  /** IP address of the host in its canonical form, without brackets. */
  address: string;
  /** Port of the host, 1 to 65535. */
  hostPort: number;
  /** Port of the guest's loopback, 1 to 65535. */
  guestPort: number;
}

/** The command that a machine runs at each start; it stands for the machine: both end together. */
export interface MachineCommand {
  /** The program and its arguments. */
  argv: string[];
  /** `KEY=VALUE` each. */
  env: string[];
  /** Working directory, created when missing. */
  cwd: string;
  /** `name|uid[:group|gid]`; empty is root. */
  user: string;
  /** Runs on a terminal. */
  tty: boolean;
  /** Has an input; else `/dev/null`. */
  stdin: boolean;
}

const SCHEMA = 1;
const MAX_PORT = 65_535;

/** Where a machine's record is. */
export function recordFile(machineFolder: string): string {
  return `${machineFolder}/machine.json`;
}

/** Replaces the record of a machine. */
export async function writeRecord(machineFolder: string, record: MachineRecord): Promise<void> {
  const text = JSON.stringify({ schema: SCHEMA, ...record }, undefined, 2);
  await writeFileAtomic(recordFile(machineFolder), `${text}\n`, { mode: 0o600 });
}

/**
 * The record of a machine.
 *
 * @throws {SmolvmError} `state` for one that is missing or cannot be read.
 */
export function readRecord(machineFolder: string): MachineRecord {
  const path = recordFile(machineFolder);
  const fields = readStateFile(path, SCHEMA);
  if (fields === undefined) throw new SmolvmError("state", `"${path}" is missing`);
  return parseRecord(fields);
}

/** Reads the fields of a record, all of which must be there and no others. */
export function parseRecord(fields: Fields): MachineRecord {
  const record: MachineRecord = {
    id: fields.string("id"),
    name: fields.string("name"),
    created: fields.string("created"),
    source: parseSource(fields.object("source")),
    cpus: fields.integer("cpus", 1, MAX_CPUS),
    memoryMib: fields.integer("memoryMib", MIN_MEMORY_MIB, MAX_MEMORY_MIB),
    diskBytes: fields.integer("diskBytes", 1, Number.MAX_SAFE_INTEGER),
    volumes: fields.objects("volumes").map(parseVolume),
    ports: fields.objects("ports").map(parsePort),
    net: fields.boolean("net"),
    dns: fields.has("dns") ? fields.string("dns") : null,
    hostname: fields.string("hostname"),
    command: parseCommand(fields.object("command")),
    stopSignal: fields.integer("stopSignal", 1, 64),
  };
  fields.end();
  return record;
}

function parseSource(fields: Fields): MachineSource {
  const source = fields.has("folder")
    ? { folder: fields.string("folder") }
    : { image: parseImage(fields.object("image")) };
  fields.end();
  return source;
}

function parseImage(fields: Fields): ImageIdentity {
  const image = {
    reference: fields.string("reference"),
    imageId: fields.string("imageId"),
    digest: fields.string("digest"),
  };
  fields.end();
  return image;
}

function parseVolume(fields: Fields): VolumeSpec {
  const volume = {
    source: fields.string("source"),
    target: fields.string("target"),
    readOnly: fields.boolean("readOnly"),
  };
  fields.end();
  return volume;
}

function parsePort(fields: Fields): PortSpec {
  const port = {
    address: fields.string("address"),
    hostPort: fields.integer("hostPort", 1, MAX_PORT),
    guestPort: fields.integer("guestPort", 1, MAX_PORT),
  };
  fields.end();
  return port;
}

function parseCommand(fields: Fields): MachineCommand {
  const command = {
    argv: fields.strings("argv"),
    env: fields.strings("env"),
    cwd: fields.string("cwd"),
    user: fields.string("user"),
    tty: fields.boolean("tty"),
    stdin: fields.boolean("stdin"),
  };
  fields.end();
  return command;
}

import { SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";
import { writeFileAtomic, writeFileAtomicSync } from "../host/atomic_write.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { readStateFile } from "./state_file.ts";

/** The settings of a machine, from its creation to its removal. */
export interface MachineRecord {
  /** Instance id, unique for all time; names its folders. */
  id: string;
  /** The user's name for the machine. */
  name: string;
  /** When it was made, ISO 8601 in UTC. */
  created: string;
  /** The source of its root filesystem. */
  source: MachineSource;
  /** Virtual CPUs. */
  cpus: number;
  /** Memory of the guest in MiB. */
  memoryMib: number;
  /** Size of its disk in bytes. */
  diskBytes: number;
  /** Folders of the host that are mounted in the guest. */
  volumes: VolumeSpec[];
  /** Published ports of the guest. */
  ports: PortSpec[];
  /** Whether it has a network beside that of other machines. */
  net: boolean;
  /** What it may reach, as rules: empty stands for the public internet. */
  allowNet: string[];
  /** What it may not, whatever else it may. */
  denyNet: string[];
  /** Name server; null: the host's, as it is at each start. */
  dns: string | null;
  /** Bytes per second that its network carries in each direction; null: any number. */
  netLimitBytes: number | null;
  /** TCP connections to others that may be open at once; null: as many as a gateway has. */
  netConnections: number | null;
  /** Secrets that its gateway sends in place of what the guest has; without their values. */
  secrets: SecretRecord[];
  /** The networks of machines that it is in, by name. */
  networks: string[];
  /** Names beside its own by which the machines of these networks find it. */
  networkAliases: string[];
  /** Host name in the guest. */
  hostname: string;
  /** The command that it runs. */
  command: MachineCommand;
  /** Whether the process of its VM runs without a jail. */
  insecureNoJail: boolean;
  /** Whether a reaper is PID 1 of the guest's processes, and not the command itself. */
  init: boolean;
  /** Linux's number of the signal that asks the command to end. */
  stopSignal: number;
}

/** A folder of the host, absolute and without symlinks, or an image. */
export type MachineSource = { folder: string } | { image: ImageIdentity };

/** A resolved image; its name may mean another image now. */
export interface ImageIdentity {
  /** The full name, such as `docker.io/library/alpine:latest`. */
  reference: string;
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
}

/** The image of a machine; null: its root is a folder. */
export function imageOf({ source }: Pick<MachineRecord, "source">): ImageIdentity | null {
  return "image" in source ? source.image : null;
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

/** A port of the guest that is published on one of the host. */
export interface PortSpec {
  /** What the port carries. */
  protocol: "tcp" | "udp";
  /** IP address of the host in its canonical form, without brackets. */
  address: string;
  /** Port of the host, 1 to 65535. */
  hostPort: number;
  /** Of TCP a port on the guest's loopback, of UDP one of its interface; 1 to 65535. */
  guestPort: number;
}

/** A secret of the host's that a guest may use and never holds. */
export interface SecretSpec {
  /** The guest's variable. */
  name: string;
  /** The hosts that it is sent to: names, or `*.NAME`. */
  hosts: string[];
  /** Where its value is at each start: a variable of the process that starts the machine, or a file of the host. */
  source: { env: string } | { file: string };
}

/** A secret of a machine. */
export interface SecretRecord extends SecretSpec {
  /** What the guest has in place of it. */
  placeholder: string;
}

/** The command that a machine runs at each start; the machine ends with it. */
export interface MachineCommand {
  /** The program and its arguments. */
  argv: string[];
  /** `KEY=VALUE` each. */
  env: string[];
  /** Working directory, created when missing. */
  cwd: string;
  /** `name|uid[:group|gid]`; empty is root. */
  user: string;
  /** Whether it runs on a terminal. */
  tty: boolean;
  /** Whether it has an input; otherwise `/dev/null`. */
  stdin: boolean;
}

const SCHEMA = 1;
const MAX_PORT = 65_535;
const SIGTERM = 15;
/** As many as a gateway has. */
export const MAX_CONNECTIONS = 4096;
/** How long a guest may take to boot unless somebody says otherwise, in ms. */
export const BOOT_TIMEOUT_MS = 60_000;
/** How many machines of one size may wait, warm. */
export const MAX_WARM = 64;

/** Whether a machine has a network interface, whose other end is a gateway of its own. Published UDP ports need one. */
export function hasGateway({ net, networks, ports }: Pick<MachineRecord, "net" | "networks" | "ports">): boolean {
  return net || networks.length > 0 || portsOf(ports, "udp").length > 0;
}

/** A port of a guest, whatever it is published at. */
export type GuestPort = Pick<PortSpec, "protocol" | "guestPort">;

/** As people write it: `53/udp`. */
export function formatGuestPort({ guestPort, protocol }: GuestPort): string {
  return `${guestPort}/${protocol}`;
}

/** Those of a machine's published ports that carry that. */
export function portsOf(ports: readonly PortSpec[], protocol: PortSpec["protocol"]): PortSpec[] {
  return ports.filter((port) => port.protocol === protocol);
}

/** The file of a machine's record. */
export function recordFile(machineFolder: string): string {
  return `${machineFolder}/machine.json`;
}

/** Replaces the record of a machine. */
export async function writeRecord(machineFolder: string, record: MachineRecord): Promise<void> {
  await writeFileAtomic(recordFile(machineFolder), encodeRecord(record), { mode: 0o600 });
}

/** The same for an ephemeral machine, without fsync: a crash of the host ends the machine anyway. */
export function writeEphemeralRecord(machineFolder: string, record: MachineRecord): void {
  writeFileAtomicSync(recordFile(machineFolder), encodeRecord(record));
}

function encodeRecord(record: MachineRecord): string {
  return `${JSON.stringify({ schema: SCHEMA, ...record }, undefined, 2)}\n`;
}

/**
 * Reads the record of a machine.
 *
 * @throws {SmolvmError} `state` for one that is missing or cannot be read.
 */
export function readRecord(machineFolder: string): MachineRecord {
  const path = recordFile(machineFolder);
  const fields = readStateFile(path, SCHEMA);
  if (fields === undefined) throw new SmolvmError("state", `"${path}" is missing`);
  return parseRecord(fields);
}

/**
 * Reads the fields of a record. A missing field has the value that machines had before the field existed, or the
 * default of a new machine. An unknown field is refused, because the machine would not be as described.
 */
export function parseRecord(fields: Fields): MachineRecord {
  const name = fields.string("name");
  const record: MachineRecord = {
    id: fields.string("id"),
    name,
    created: fields.string("created"),
    source: parseSource(fields.object("source")),
    cpus: fields.has("cpus") ? fields.integer("cpus", 1, MAX_CPUS) : 1,
    memoryMib: fields.has("memoryMib") ? fields.integer("memoryMib", MIN_MEMORY_MIB, MAX_MEMORY_MIB) : 512,
    diskBytes: fields.has("diskBytes") ? fields.integer("diskBytes", 1, Number.MAX_SAFE_INTEGER) : 10 * 1024 ** 3,
    volumes: fields.has("volumes") ? fields.objects("volumes").map(parseVolume) : [],
    ports: fields.has("ports") ? fields.objects("ports").map(parsePort) : [],
    net: fields.has("net") && fields.boolean("net"),
    // Version 0.2.0 has no rules.
    allowNet: fields.has("allowNet") ? fields.strings("allowNet") : [],
    denyNet: fields.has("denyNet") ? fields.strings("denyNet") : [],
    dns: fields.has("dns") ? fields.string("dns") : null,
    netLimitBytes: fields.has("netLimitBytes") ? fields.integer("netLimitBytes", 1, Number.MAX_SAFE_INTEGER) : null,
    netConnections: fields.has("netConnections") ? fields.integer("netConnections", 1, MAX_CONNECTIONS) : null,
    secrets: fields.has("secrets") ? fields.objects("secrets").map(parseSecret) : [],
    networks: fields.has("networks") ? fields.strings("networks") : [],
    networkAliases: fields.has("networkAliases") ? fields.strings("networkAliases") : [],
    hostname: fields.has("hostname") ? fields.string("hostname") : name,
    command: parseCommand(fields.object("command")),
    // Version 0.2.0 has no such key: it had no jail.
    insecureNoJail: fields.has("insecureNoJail") && fields.boolean("insecureNoJail"),
    // Version 0.2.0 has no such key: its commands were not PID 1.
    init: fields.has("init") && fields.boolean("init"),
    stopSignal: fields.has("stopSignal") ? fields.integer("stopSignal", 1, 64) : SIGTERM,
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

/** Reads the fields of an image's identity. */
export function parseImage(fields: Fields): ImageIdentity {
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
    readOnly: fields.has("readOnly") && fields.boolean("readOnly"),
  };
  fields.end();
  return volume;
}

function parsePort(fields: Fields): PortSpec {
  const port = {
    // Version 0.2.0 has no such key: it published none but those of TCP.
    protocol: fields.has("protocol") ? fields.oneOf("protocol", ["tcp", "udp"]) : "tcp",
    address: fields.string("address"),
    hostPort: fields.integer("hostPort", 1, MAX_PORT),
    guestPort: fields.integer("guestPort", 1, MAX_PORT),
  };
  fields.end();
  return port;
}

function parseSecret(fields: Fields): SecretRecord {
  const source = fields.object("source");
  const secret = {
    name: fields.string("name"),
    hosts: fields.strings("hosts"),
    source: source.has("env") ? { env: source.string("env") } : { file: source.string("file") },
    placeholder: fields.string("placeholder"),
  };
  source.end();
  fields.end();
  return secret;
}

function parseCommand(fields: Fields): MachineCommand {
  const command = {
    argv: fields.strings("argv"),
    env: fields.has("env") ? fields.strings("env") : [],
    cwd: fields.has("cwd") ? fields.string("cwd") : "/",
    user: fields.has("user") ? fields.string("user") : "",
    tty: fields.has("tty") && fields.boolean("tty"),
    stdin: fields.has("stdin") && fields.boolean("stdin"),
  };
  fields.end();
  return command;
}

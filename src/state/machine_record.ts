import { SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";
import { writeFileAtomic, writeFileAtomicSync } from "../host/atomic_write.ts";
import { MAX_CPUS, MAX_MEMORY_MIB, MIN_MEMORY_MIB } from "../host/vm_limits.ts";
import { readStateFile } from "./state_file.ts";

/** The settings of a machine, from its creation to its removal. */
export interface MachineRecord {
  /** Instance id, never reused; names its folders. */
  id: string;
  /** The user's name for the machine. */
  name: string;
  /** When it was created, ISO 8601 in UTC. */
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
  /** Whether it has a network to the outside, in addition to `networks`. */
  net: boolean;
  /** Rules for the destinations that it may reach; if empty, the public internet. */
  allowNet: string[];
  /** Rules for the destinations that it may not reach; they override `allowNet`. */
  denyNet: string[];
  /** Name server; null: the host's, as it is at each start. */
  dns: string | null;
  /** Bytes per second that its network carries in each direction; null: unlimited. */
  netLimitBytes: number | null;
  /** The maximum number of open outgoing TCP connections; null: the gateway's maximum, 4096. */
  netConnections: number | null;
  /** Secrets, without their values: its gateway sends the value in place of the guest's placeholder. */
  secrets: SecretRecord[];
  /** The names of the networks that it is in. */
  networks: string[];
  /** Additional names by which the machines in these networks find it. */
  networkAliases: string[];
  /** Host name in the guest. */
  hostname: string;
  /** The command that it runs. */
  command: MachineCommand;
  /** Whether the process of its VM runs without a jail. */
  insecureNoJail: boolean;
  /** Whether PID 1 in the guest is a reaper instead of the command. */
  init: boolean;
  /** The Linux number of the signal that asks the command to end. */
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

/** Returns the image of a machine; null if its root is a folder. */
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

/** A port of the guest that is published on a port of the host. */
export interface PortSpec {
  /** The protocol of the port. */
  protocol: "tcp" | "udp";
  /** IP address of the host in its canonical form, without brackets. */
  address: string;
  /** Port of the host, 1 to 65535. */
  hostPort: number;
  /** Port of the guest, 1 to 65535: for TCP on its loopback interface, for UDP on its network interface. */
  guestPort: number;
}

/** A secret of the host that the guest may use but never sees. */
export interface SecretSpec {
  /** The variable in the guest. */
  name: string;
  /** The hosts that receive it: names, or `*.NAME`. */
  hosts: string[];
  /** Where to read its value at each start: a variable of the process that starts the machine, or a host file. */
  source: { env: string } | { file: string };
}

/** A secret of a machine. */
export interface SecretRecord extends SecretSpec {
  /** The text that the guest has in its place. */
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
  /** `name|uid[:group|gid]`; if empty, root. */
  user: string;
  /** Whether it runs on a terminal. */
  tty: boolean;
  /** Whether it has a standard input; otherwise that is `/dev/null`. */
  stdin: boolean;
}

const SCHEMA = 1;
const MAX_PORT = 65_535;
const SIGTERM = 15;
/** A gateway's maximum of open TCP connections. */
export const MAX_CONNECTIONS = 4096;
/** The default for how long a guest may take to boot, in ms. */
export const BOOT_TIMEOUT_MS = 60_000;
/** The maximum number of warm machines of one size. */
export const MAX_WARM = 64;

/** Whether a machine has a network interface, connected to its own gateway. Published UDP ports need one. */
export function hasGateway({ net, networks, ports }: Pick<MachineRecord, "net" | "networks" | "ports">): boolean {
  return net || networks.length > 0 || portsOf(ports, "udp").length > 0;
}

/** A port of a guest, without the host port that it is published on. */
export type GuestPort = Pick<PortSpec, "protocol" | "guestPort">;

/** Formats a port as users write it: `53/udp`. */
export function formatGuestPort({ guestPort, protocol }: GuestPort): string {
  return `${guestPort}/${protocol}`;
}

/** Returns the published ports of this protocol. */
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
    // Records of version 0.2.0 have no rules.
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
    // Records of version 0.2.0 lack this key: that version had no jail.
    insecureNoJail: fields.has("insecureNoJail") && fields.boolean("insecureNoJail"),
    // Records of version 0.2.0 lack this key: its commands were not PID 1.
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
    // Records of version 0.2.0 lack this key: that version published only TCP ports.
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

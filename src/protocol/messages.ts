import {
  CLOCK_JUMPED,
  EXEC_MAKE_CWD,
  EXEC_PID1,
  EXEC_STDIN,
  EXEC_TTY,
  EXIT,
  MOUNT_NO_DEVICES,
  MOUNT_NO_EXEC,
  MOUNT_NO_SUID,
  MOUNT_READ_ONLY,
  MOUNT_TMPFS,
  SETUP_EPHEMERAL,
  SETUP_OVERLAY,
  SETUP_WRITABLE,
} from "./constants.ts";
import { PayloadReader, PayloadWriter, ProtocolError } from "./payload.ts";

/** How the agent sets up the guest before the first command. */
export interface Setup {
  /** Nanoseconds since 1970. */
  clockNs: bigint;
  hostname: string;
  /** Whether an overlay on the disk takes the root filesystem's writes; otherwise the root is read-only. */
  overlay: boolean;
  /** Whether, without an overlay, the guest writes to the root filesystem itself. */
  writable?: boolean;
  /** Whether the disk is discarded when the guest has ended. */
  ephemeral: boolean;
  /** Path in the boot folder, or the tag of a share. */
  rootfs: string;
  files: GuestFile[];
  mounts: GuestMount[];
  rlimits: Rlimit[];
  interfaces: GuestInterface[];
  /** How many files of the shares the guest may know: the host keeps each of them open; 0: no limit. */
  shareFiles: number;
}

/** A file that the agent writes into the guest's root. */
export interface GuestFile {
  path: string;
  mode: number;
  content: Uint8Array;
}

/** A folder or file that the agent mounts into the guest's root. */
export interface GuestMount {
  /** Path in the boot folder, or the tag of a share; for a tmpfs its options, such as `size=64k,mode=1777`. */
  source: string;
  /** Absolute path in the guest, created when missing. */
  target: string;
  readOnly: boolean;
  /** Whether it is a new file system in memory. */
  isTmpfs?: boolean;
  /** Ignores set-user-id bits. */
  noSuid?: boolean;
  /** Ignores device files. */
  noDevices?: boolean;
  /** Executes no programs. */
  noExec?: boolean;
}

/** A network interface of the guest, or a further address of one (`eth0:1`). Addresses are numbers. */
export interface GuestInterface {
  name: string;
  address: number;
  /** Prefix length of the address, in bits. */
  prefix: number;
  /** Gateway of the default route; 0: no default route by this interface. */
  gateway: number;
  /** Largest packet in bytes. */
  mtu: number;
  /** The same for IPv6; without a prefix it has no IPv6 address. */
  address6: bigint;
  prefix6: number;
  gateway6: bigint;
}

/** A resource limit of every command, with Linux's numbers. */
export interface Rlimit {
  resource: number;
  soft: bigint;
  hard: bigint;
}

/** The size of a terminal. */
export interface WindowSize {
  /** Lines. */
  rows: number;
  /** Characters per line. */
  columns: number;
}

/** The path of the agent's tools, which any user can execute: before execve, a command's process runs the agent. */
export const AGENT_TOOL = "/proc/self/exe";

/** A command to run in the guest. */
export interface Exec {
  /** Runs on a pty of this initial size. */
  tty: WindowSize | undefined;
  /** Has an input; otherwise it reads `/dev/null`. */
  stdin: boolean;
  cwd: string;
  /** Creates `cwd` when it is missing. */
  makeCwd: boolean;
  /** Is the machine's own command, started first: PID 1 of the namespace that all other commands join. */
  pid1: boolean;
  /** `name|uid[:group|gid]`; empty is root. */
  user: string;
  argv: string[];
  /** `KEY=VALUE` each. */
  env: string[];
}

/** A command's exit status, and whether the guest's kernel killed a process when memory ran out meanwhile. */
export type ExitStatus = ({ code: number; signal?: never } | { signal: number; code?: never }) & {
  oomKilled?: boolean;
};

/** Why a command did not start, or why the guest could not be set up. */
export interface Failure {
  errno: number;
  /** One of `STAGE`. */
  stage: number;
  text: string;
}

export function encodeSetup(setup: Setup): Uint8Array<ArrayBuffer> {
  return new PayloadWriter()
    .u64(setup.clockNs)
    .str(setup.hostname)
    .u32(setupFlags(setup))
    .str(setup.rootfs)
    .list(setup.files, (writer, file) => writer.str(file.path).u32(file.mode).blob(file.content))
    .list(
      setup.mounts,
      (writer, mount) => writer.str(mount.source).str(mount.target).u32(mountFlags(mount)),
    )
    .list(setup.rlimits, (writer, limit) => writer.u32(limit.resource).u64(limit.soft).u64(limit.hard))
    .list(setup.interfaces, encodeInterface)
    .u32(setup.shareFiles)
    .finish();
}

function encodeInterface(writer: PayloadWriter, item: GuestInterface): void {
  writer.str(item.name).u32(item.address).u32(item.prefix).u32(item.gateway).u32(item.mtu);
  for (const half of halvesOf(item.address6)) writer.u64(half);
  writer.u32(item.prefix6);
  for (const half of halvesOf(item.gateway6)) writer.u64(half);
}

/** The upper and the lower half of an IPv6 address. */
function halvesOf(address: bigint): bigint[] {
  return [address >> 64n, address & 0xffff_ffff_ffff_ffffn];
}

function setupFlags({ overlay, writable, ephemeral }: Setup): number {
  return (overlay ? SETUP_OVERLAY : 0) | (writable ? SETUP_WRITABLE : 0) | (ephemeral ? SETUP_EPHEMERAL : 0);
}

function mountFlags({ readOnly, isTmpfs, noSuid, noDevices, noExec }: GuestMount): number {
  return (readOnly ? MOUNT_READ_ONLY : 0) | (isTmpfs ? MOUNT_TMPFS : 0) | (noSuid ? MOUNT_NO_SUID : 0) |
    (noDevices ? MOUNT_NO_DEVICES : 0) | (noExec ? MOUNT_NO_EXEC : 0);
}

/** Encodes the host's clock, in nanoseconds since 1970, and whether it was set or the host slept. */
export function encodeClock({ clockNs, jumped }: { clockNs: bigint; jumped: boolean }): Uint8Array<ArrayBuffer> {
  return new PayloadWriter().u64(clockNs).u32(jumped ? CLOCK_JUMPED : 0).finish();
}

export function encodeExec(exec: Exec): Uint8Array<ArrayBuffer> {
  const flags = [
    exec.tty ? EXEC_TTY : 0,
    exec.stdin ? EXEC_STDIN : 0,
    exec.makeCwd ? EXEC_MAKE_CWD : 0,
    exec.pid1 ? EXEC_PID1 : 0,
  ];
  return new PayloadWriter()
    .u32(flags.reduce((all, flag) => all | flag))
    .u32(exec.tty?.rows ?? 0)
    .u32(exec.tty?.columns ?? 0)
    .str(exec.cwd)
    .str(exec.user)
    .list(exec.argv, (writer, argument) => writer.str(argument))
    .list(exec.env, (writer, variable) => writer.str(variable))
    .finish();
}

/** @throws {ProtocolError} for a payload that the agent would refuse. */
export function decodeExec(payload: Uint8Array): Exec {
  const reader = new PayloadReader(payload);
  const flags = reader.u32();
  const size = checkWindowSize({ rows: reader.u32(), columns: reader.u32() });
  const [cwd, user] = [reader.str(), reader.str()];
  const [argv, env] = [reader.list((item) => item.str()), reader.list((item) => item.str())];
  reader.end();
  if (argv.length === 0) throw new ProtocolError("a command without a program");
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    tty: has(EXEC_TTY) ? size : undefined,
    stdin: has(EXEC_STDIN),
    cwd,
    makeCwd: has(EXEC_MAKE_CWD),
    pid1: has(EXEC_PID1),
    user,
    argv,
    env,
  };
}

export function encodeU32s(...values: number[]): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter();
  for (const value of values) writer.u32(value);
  return writer.finish();
}

/** Decodes a payload of `count` numbers. */
export function decodeU32s(payload: Uint8Array, count: number): number[] {
  const reader = new PayloadReader(payload);
  const values = Array.from({ length: count }, () => reader.u32());
  reader.end();
  return values;
}

export function decodeU32(payload: Uint8Array): number {
  return decodeU32s(payload, 1)[0]!;
}

/** @throws {ProtocolError} for a size that the agent would refuse. */
export function decodeWindowSize(payload: Uint8Array): WindowSize {
  const [rows, columns] = decodeU32s(payload, 2) as [number, number];
  return checkWindowSize({ rows, columns });
}

function checkWindowSize(size: WindowSize): WindowSize {
  if (Math.max(size.rows, size.columns) > 65_535) throw new ProtocolError(`terminal of ${size.rows}x${size.columns}`);
  return size;
}

export function encodeExited(status: ExitStatus): Uint8Array<ArrayBuffer> {
  const memory = status.oomKilled ? EXIT.OUT_OF_MEMORY : 0;
  return status.signal === undefined
    ? encodeU32s(EXIT.CODE | memory, status.code)
    : encodeU32s(EXIT.SIGNAL | memory, status.signal);
}

export function decodeExited(payload: Uint8Array): ExitStatus {
  const [kind, value] = decodeU32s(payload, 2) as [number, number];
  const how = kind & ~EXIT.OUT_OF_MEMORY;
  const memory = kind & EXIT.OUT_OF_MEMORY ? { oomKilled: true } : {};
  if (how === EXIT.CODE && value <= 255) return { code: value, ...memory };
  if (how === EXIT.SIGNAL && value >= 1 && value <= 127) return { signal: value, ...memory };
  throw new ProtocolError(`exit status ${kind}/${value}`);
}

export function encodeFailure(failure: Failure): Uint8Array<ArrayBuffer> {
  return new PayloadWriter().u32(failure.errno).u32(failure.stage).str(failure.text).finish();
}

export function decodeFailure(payload: Uint8Array): Failure {
  const reader = new PayloadReader(payload);
  const failure = { errno: reader.u32(), stage: reader.u32(), text: reader.str() };
  reader.end();
  return failure;
}

import { EXEC_STDIN, EXEC_TTY, EXIT, MOUNT_READ_ONLY, SETUP_OVERLAY } from "./constants.ts";
import { PayloadReader, PayloadWriter, ProtocolError } from "./payload.ts";

/** What the agent makes of the guest before the first command. */
export interface Setup {
  /** Nanoseconds since 1970. */
  clockNs: bigint;
  hostname: string;
  /** Whether writes go to the disk over the root filesystem; else it stays read-only. */
  overlay: boolean;
  /** Path in the boot folder, or the tag of a share. */
  rootfs: string;
  files: GuestFile[];
  mounts: GuestMount[];
  rlimits: Rlimit[];
}

/** A file that the agent writes into the guest's root. */
export interface GuestFile {
  path: string;
  mode: number;
  content: Uint8Array;
}

/** A folder that the agent mounts into the guest's root. */
export interface GuestMount {
  /** Path in the boot folder, or the tag of a share. */
  source: string;
  /** Absolute path in the guest, created when missing. */
  target: string;
  readOnly: boolean;
}

/** A resource limit of every command, with Linux's numbers. */
export interface Rlimit {
  resource: number;
  soft: bigint;
  hard: bigint;
}

/** Size of a terminal. */
export interface WindowSize {
  /** Lines. */
  rows: number;
  /** Characters of a line. */
  columns: number;
}

/** What to execute for one of the agent's tools, as any user: what becomes a command is the agent until then. */
export const AGENT_TOOL = "/proc/self/exe";

/** A command to be run in the guest. */
export interface Exec {
  /** Runs on a pty of this initial size. */
  tty: WindowSize | undefined;
  /** Has an input; else it reads `/dev/null`. */
  stdin: boolean;
  /** Created when missing. */
  cwd: string;
  /** `name|uid[:group|gid]`; empty is root. */
  user: string;
  argv: string[];
  /** `KEY=VALUE` each. */
  env: string[];
}

/** How a command ended. */
export type ExitStatus = { code: number; signal?: never } | { signal: number; code?: never };

/** Why a command never started, or why the guest could not be set up. */
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
    .u32(setup.overlay ? SETUP_OVERLAY : 0)
    .str(setup.rootfs)
    .list(setup.files, (writer, file) => writer.str(file.path).u32(file.mode).blob(file.content))
    .list(
      setup.mounts,
      (writer, mount) => writer.str(mount.source).str(mount.target).u32(mount.readOnly ? MOUNT_READ_ONLY : 0),
    )
    .list(setup.rlimits, (writer, limit) => writer.u32(limit.resource).u64(limit.soft).u64(limit.hard))
    .finish();
}

export function encodeExec(exec: Exec): Uint8Array<ArrayBuffer> {
  return new PayloadWriter()
    .u32((exec.tty ? EXEC_TTY : 0) | (exec.stdin ? EXEC_STDIN : 0))
    .u32(exec.tty?.rows ?? 0)
    .u32(exec.tty?.columns ?? 0)
    .str(exec.cwd)
    .str(exec.user)
    .list(exec.argv, (writer, argument) => writer.str(argument))
    .list(exec.env, (writer, variable) => writer.str(variable))
    .finish();
}

/** @throws {ProtocolError} for what the agent would not take. */
export function decodeExec(payload: Uint8Array): Exec {
  const reader = new PayloadReader(payload);
  const flags = reader.u32();
  const size = checkWindowSize({ rows: reader.u32(), columns: reader.u32() });
  const [cwd, user] = [reader.str(), reader.str()];
  const [argv, env] = [reader.list((item) => item.str()), reader.list((item) => item.str())];
  reader.end();
  if (argv.length === 0) throw new ProtocolError("a command without a program");
  return { tty: flags & EXEC_TTY ? size : undefined, stdin: (flags & EXEC_STDIN) !== 0, cwd, user, argv, env };
}

export function encodeU32s(...values: number[]): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter();
  for (const value of values) writer.u32(value);
  return writer.finish();
}

/** The `count` numbers that a payload consists of. */
export function decodeU32s(payload: Uint8Array, count: number): number[] {
  const reader = new PayloadReader(payload);
  const values = Array.from({ length: count }, () => reader.u32());
  reader.end();
  return values;
}

export function decodeU32(payload: Uint8Array): number {
  return decodeU32s(payload, 1)[0]!;
}

/** @throws {ProtocolError} for what the agent would not take. */
export function decodeWindowSize(payload: Uint8Array): WindowSize {
  const [rows, columns] = decodeU32s(payload, 2) as [number, number];
  return checkWindowSize({ rows, columns });
}

function checkWindowSize(size: WindowSize): WindowSize {
  if (Math.max(size.rows, size.columns) > 65_535) throw new ProtocolError(`terminal of ${size.rows}x${size.columns}`);
  return size;
}

export function encodeExited(status: ExitStatus): Uint8Array<ArrayBuffer> {
  return status.signal === undefined ? encodeU32s(EXIT.CODE, status.code) : encodeU32s(EXIT.SIGNAL, status.signal);
}

export function decodeExited(payload: Uint8Array): ExitStatus {
  const [kind, value] = decodeU32s(payload, 2) as [number, number];
  if (kind === EXIT.CODE && value <= 255) return { code: value };
  if (kind === EXIT.SIGNAL && value >= 1 && value <= 127) return { signal: value };
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

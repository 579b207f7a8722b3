import { absolute, resolve } from "../host/path.ts";
import { ArchiveError } from "../archive/decode.ts";
import { decompress } from "../archive/decompress.ts";
import { pack } from "../archive/pack.ts";
import type { OnProgress } from "../archive/progress.ts";
import { unpack } from "../archive/unpack.ts";
import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import type { CommandIo } from "../machine/attached.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { runAgentTool, ToolError } from "./agent_tool.ts";

export type { CopyProgress } from "../archive/progress.ts";

/** The exit code of the agent's tool `tar` when some files could not be read. */
const INCOMPLETE = 3;

/** A path in a machine, from its root. */
export interface GuestPath {
  machine: ReadableMachine;
  path: string;
}

export interface MachineCopyOptions {
  /** Whether files keep their owners; else they belong to root in a guest, and on the host to whose process this is. */
  keepOwner: boolean;
  /** Whether a link that is copied stands for what it leads to; those below a folder never do. */
  followLink: boolean;
  onProgress?: OnProgress | undefined;
  /** Told what is left out. */
  onWarning: (text: string) => void;
  /** Ends the copy when it rejects; what is not complete is removed. */
  until: Promise<never>;
}

/**
 * Copies a file or folder of this host into a machine, by the rules of `docker cp`. Files below it that cannot be read,
 * or change meanwhile, are told of; all others are copied before the error.
 *
 * @throws {SmolvmError} `copy`; `machine-state` when the machine does not run; the error of `until`.
 */
export async function copyToMachine(source: string, target: GuestPath, options: MachineCopyOptions): Promise<void> {
  const name = baseName(resolve(source), source);
  let changed = 0;
  const onLeftOut = (file: string) => options.onWarning(leftOut(file));
  const onChanged = (file: string, what: string) => {
    changed++;
    options.onWarning(`"${file}" ${what}`);
  };
  const chunks = pack(source, { ...options, onLeftOut, onChanged });
  const ends = { host: `Cannot copy "${source}"`, guest: `Cannot copy to "${describe(target)}"` };
  await explain(ends, () => extract(target, [name], { ...options, chunks }));
  if (changed > 0) throw incomplete(source, `${changed} of its files changed or could not be read`);
}

/** Copies the files of a tar archive, compressed or not, into a folder of a machine, like {@linkcode copyToMachine}. */
export async function extractInMachine(
  chunks: AsyncIterable<Uint8Array>,
  target: GuestPath,
  options: MachineCopyOptions,
): Promise<void> {
  const ends = { host: "Cannot read the archive", guest: `Cannot copy to "${describe(target)}"` };
  await explain(ends, () => extract(target, [], { ...options, chunks: decompress(chunks) }));
}

/** Copies a file or folder of a machine to this host, like {@linkcode copyToMachine}. */
export async function copyFromMachine(
  source: GuestPath,
  destination: string,
  options: MachineCopyOptions,
): Promise<void> {
  const name = baseName(resolve("/", source.path), source.path);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const ends = { host: `Cannot copy to "${destination}"`, guest: `Cannot copy "${describe(source)}"` };
  await explain(ends, async () => {
    let refused = 0;
    const onLeftOut = (file: string) => options.onWarning(leftOut(file));
    const onRefused = (file: string, reason: string) => {
      refused++;
      options.onWarning(`"${file}" is left out: ${reason}`);
    };
    const unpacked = unpack(readable, { ...options, destination: absolute(destination), name, onLeftOut, onRefused });
    const broken = unpacked.then(() => new Promise<never>(() => {}));
    let missing: ToolError | undefined;
    try {
      const until = Promise.race([options.until, broken]);
      missing = await create(source, ".", { ...options, stdout: (data) => writer.write(data), until });
      writer.close();
    } catch (error) {
      // Not awaited: when it is the unpacking that failed, nobody takes what is being written.
      writer.abort(error).catch(() => {});
      // It removes what it was at.
      await unpacked.catch(() => {});
      throw error;
    }
    await unpacked;
    if (missing) throw incomplete(describe(source), missing.message);
    if (refused > 0) throw incomplete(describe(source), `${refused} of its files cannot be made here`);
  });
}

/** Writes a tar archive of a file or folder of a machine, like {@linkcode copyToMachine}. */
export async function archiveFromMachine(
  source: GuestPath,
  stdout: CommandIo["stdout"],
  options: MachineCopyOptions,
): Promise<void> {
  const name = baseName(resolve("/", source.path), source.path);
  const ends = { host: "Cannot write the archive", guest: `Cannot copy "${describe(source)}"` };
  await explain(ends, async () => {
    const missing = await create(source, name, { ...options, stdout });
    if (missing) throw incomplete(describe(source), missing.message);
  });
}

async function extract(
  { machine, path }: GuestPath,
  name: string[],
  { chunks, keepOwner, onWarning, until }: MachineCopyOptions & { chunks: AsyncIterable<Uint8Array> },
): Promise<void> {
  const argv = ["tar", "extract", ...(keepOwner ? ["-a"] : []), `/${path}`, ...name];
  await runAgentTool(machine, argv, { stdin: chunks, onWarning, until });
}

/** Returns what says that some files are missing, or not as they were: the archive has all others. */
async function create(
  { machine, path }: GuestPath,
  name: string,
  { stdout, followLink, onWarning, until }: MachineCopyOptions & Pick<CommandIo, "stdout">,
): Promise<ToolError | undefined> {
  const argv = ["tar", "create", ...(followLink ? ["-L"] : []), `/${path}`, name];
  try {
    await runAgentTool(machine, argv, { stdout, onWarning, until });
  } catch (error) {
    if (!(error instanceof ToolError) || error.status.code !== INCOMPLETE) throw error;
    return error;
  }
}

/** What a copy is called in a folder: "." for nothing but what is in it, as the end of the path may ask for. */
function baseName(absolute: string, path: string): string {
  return /(^|\/)\.$/.test(path) ? "." : absolute.slice(absolute.lastIndexOf("/") + 1) || ".";
}

function describe({ machine, path }: GuestPath): string {
  return `${machine.record.name}:${path}`;
}

function incomplete(source: string, reason: string): SmolvmError {
  return new SmolvmError("copy", `Cannot copy all of "${source}": ${reason}`);
}

function leftOut(file: string): string {
  return `"${file}" is left out: it is neither a file nor a folder`;
}

/** Says of an error which end of the copy it is about; each has its own kinds. */
async function explain({ host, guest }: { host: string; guest: string }, copy: () => Promise<void>): Promise<void> {
  try {
    await copy();
  } catch (error) {
    if (error instanceof SmolvmError && error.code !== "guest") throw error;
    const reason = osReason(error);
    const isGuest = [ToolError, ArchiveError, SmolvmError].some((kind) => error instanceof kind);
    throw new SmolvmError("copy", `${isGuest ? guest : host}: ${reason}`, { cause: error });
  }
}

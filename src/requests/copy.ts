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

/** An absolute path in a machine. */
export interface GuestPath {
  machine: ReadableMachine;
  path: string;
}

export interface MachineCopyOptions {
  /** Whether files keep their owners; otherwise they belong to root in a guest, and to this user on the host. */
  keepOwner: boolean;
  /** Whether to copy the target of a link that is the source itself. Links below a folder are copied as links. */
  followLink: boolean;
  onProgress?: OnProgress | undefined;
  /** Called for each file that is left out. */
  onWarning: (text: string) => void;
  /** Ends the copy when it rejects. Incomplete files are removed. */
  until: Promise<never>;
}

/**
 * Copies a file or folder of this host into a machine, by the rules of `docker cp`. Files below it that cannot be read
 * or that change meanwhile cause warnings, and an error after all other files are copied.
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
      // Do not await this: if unpacking failed, nothing reads the stream any more.
      writer.abort(error).catch(() => {});
      // Unpacking removes the incomplete file.
      await unpacked.catch(() => {});
      throw error;
    }
    await unpacked;
    if (missing) throw incomplete(describe(source), missing.message);
    if (refused > 0) throw incomplete(describe(source), `${refused} of its files could not be created`);
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

/** Returns the error if some files are missing or have changed: the archive has all others. */
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

/** The name of the copy in its target folder; "." if the path ends with `/.`, which copies only a folder's content. */
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

/** Adds to an error which side of the copy failed, host or guest, as its class shows. */
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

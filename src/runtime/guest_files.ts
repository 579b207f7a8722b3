import type { CopyOptions as Copying, CopyProgress } from "../machine/copy.ts";
import type { Machine } from "../machine/find.ts";
import { FileAction } from "./file_action.ts";
import { type FileKind, type GuestDirEntry, type GuestFileInfo, parseFileInfo, parseFolder } from "./file_info.ts";
import { untilAborted } from "./until_aborted.ts";

export type { CopyProgress, FileKind, GuestDirEntry, GuestFileInfo };

/** How something is done to a guest's files. */
export interface FileOptions {
  /** Ends it, in the guest too; what is not complete is removed. */
  signal?: AbortSignal | undefined;
}

/** How {@linkcode GuestFiles.readFile} reads. */
export interface ReadFileOptions extends FileOptions {
  /** Refuses a file that has more, in bytes; default: 64 MiB. */
  maxBytes?: number | undefined;
}

/** How {@linkcode GuestFiles.writeFile} writes. */
export interface WriteFileOptions extends FileOptions {
  /** Permissions; default: those of the file that is replaced, else 0o644. */
  mode?: number | undefined;
}

/** How {@linkcode GuestFiles.remove} removes. */
export interface RemoveOptions extends FileOptions {
  /** Whether a folder goes with all that is in it; else it must be empty. */
  recursive?: boolean | undefined;
}

/** How {@linkcode GuestFiles.mkdir} makes folders. */
export interface MkdirOptions extends FileOptions {
  /** Whether missing parents are made too, and a folder that is there is no failure. */
  recursive?: boolean | undefined;
  /** Permissions of what is made; default: 0o755. */
  mode?: number | undefined;
}

/** How {@linkcode GuestFiles.copyIn} and {@linkcode GuestFiles.copyOut} copy. */
export interface CopyOptions extends FileOptions {
  /** Whether files keep their owners; else they belong to root in the guest, and to this process's user here. */
  keepOwner?: boolean | undefined;
  /** Whether a link that is copied stands for what it leads to; those below a folder never do. */
  followLink?: boolean | undefined;
  /** Told how far the copy is, again and again. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Told what is left out, such as devices. */
  onWarning?: ((text: string) => void) | undefined;
}

const READ_MAX = 64 * 1024 ** 2;
const LIST_MAX = 8 * 1024 ** 2;
const STAT_MAX = 256;
const NEW_FOLDER_MODE = 0o755;
/** What one chunk of input has room for, by the protocol, behind its length. */
const PART_BYTES = 16 * 1024 - 4;

/**
 * The files in a machine that runs, whatever its image has. Everything is done as root, and a path is relative to the
 * guest's root.
 *
 * Every method throws {@linkcode SmolvmError}: `no-file` for a path that is not there, `file` for any other failure of
 * the guest's, `machine-state` when the machine does not run, `usage` for a path with a NUL or half a surrogate pair;
 * or the reason of its signal.
 *
 * ```ts
 * import { Machine } from "smolvm";
 *
 * const { fs } = await Machine.get("web");
 * await fs.mkdir("/srv/data", { recursive: true });
 * await fs.writeTextFile("/srv/data/hello", "Hello\n");
 * for (const { name, isFile } of await fs.readDir("/srv/data")) console.log(name, isFile);
 * ```
 */
export class GuestFiles {
  readonly #open: () => Machine;

  /** Of the machine that `open` finds each time, or throws for. */
  constructor(open: () => Machine) {
    this.#open = open;
  }

  /** What is in a file. Devices and pipes are refused. */
  async readFile(
    path: string,
    { maxBytes = READ_MAX, signal }: ReadFileOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const hint = "Give it a larger maxBytes, or use copyOut().";
    return await this.#action("read", path).run(["read"], { maxBytes, hint, signal });
  }

  /** What is in a file, decoded as UTF-8. */
  async readTextFile(path: string, options?: ReadFileOptions): Promise<string> {
    return new TextDecoder().decode(await this.readFile(path, options));
  }

  /**
   * Writes a file. One that is there keeps its owner, and is replaced when all of the new one has arrived; of a link,
   * what it leads to is.
   *
   * @param data bytes, or a stream of them, such as a `ReadableStream`, whose error is thrown
   */
  async writeFile(
    path: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    { mode, signal }: WriteFileOptions = {},
  ): Promise<void> {
    await this.#action("write", path).run(["write"], { mode, stdin: inParts(data), signal });
  }

  /** Writes a text as UTF-8, like {@linkcode writeFile}. */
  async writeTextFile(path: string, text: string, options?: WriteFileOptions): Promise<void> {
    await this.writeFile(path, new TextEncoder().encode(text), options);
  }

  /**
   * What is in a folder, by name. It is refused when a name in it is not UTF-8, which no method here could take, or
   * when the names have more than 8 MiB.
   */
  async readDir(path: string, { signal }: FileOptions = {}): Promise<GuestDirEntry[]> {
    const action = this.#action("list", path);
    const answer = await action.run(["list"], { maxBytes: LIST_MAX, signal });
    const names = decodeUtf8(answer);
    if (names === undefined) throw action.failure("file", "A name in it is not UTF-8");
    return action.understood(parseFolder(names));
  }

  /** What is known of a file; of a link, of what it leads to. */
  async stat(path: string, options?: FileOptions): Promise<GuestFileInfo> {
    return await this.#stat(path, ["stat", "-L"], options);
  }

  /** What is known of a file, or of a link itself. */
  async lstat(path: string, options?: FileOptions): Promise<GuestFileInfo> {
    return await this.#stat(path, ["stat"], options);
  }

  /** Removes a file, a link or a folder, but nothing that is mounted, such as a volume. */
  async remove(path: string, { recursive = false, signal }: RemoveOptions = {}): Promise<void> {
    await this.#action("remove", path).run(["remove", ...(recursive ? ["-r"] : [])], { signal });
  }

  /** Makes a folder. */
  async mkdir(path: string, { recursive = false, mode = NEW_FOLDER_MODE, signal }: MkdirOptions = {}): Promise<void> {
    await this.#action("make folder", path).run(["mkdir", ...(recursive ? ["-p"] : [])], { mode, signal });
  }

  /**
   * Copies a file or folder of this host into the guest, by the rules of `docker cp`.
   *
   * @param source its path, or a tar archive as a stream, whose files go into the folder at `path`
   * @throws {SmolvmError} `copy`, which end of it ever failed.
   */
  async copyIn(source: string | AsyncIterable<Uint8Array>, path: string, options: CopyOptions = {}): Promise<void> {
    const { copyToMachine, extractInMachine } = await import("../machine/copy.ts");
    const target = { machine: this.#open(), path };
    await untilAborted(options.signal, async (until) => {
      if (typeof source === "string") await copyToMachine(source, target, copying(options, until));
      else await extractInMachine(source, target, copying(options, until));
    });
  }

  /**
   * Copies a file or folder of the guest to this host, like {@linkcode copyIn}.
   *
   * @param target where to, or what takes a tar archive, chunk by chunk, and holds it back until its promise settles
   */
  async copyOut(
    path: string,
    target: string | ((data: Uint8Array) => Promise<void>),
    options: CopyOptions = {},
  ): Promise<void> {
    const { archiveFromMachine, copyFromMachine } = await import("../machine/copy.ts");
    const source = { machine: this.#open(), path };
    await untilAborted(options.signal, async (until) => {
      if (typeof target === "string") await copyFromMachine(source, target, copying(options, until));
      else await archiveFromMachine(source, target, copying(options, until));
    });
  }

  #action(verb: string, path: string): FileAction {
    return new FileAction(verb, this.#open(), path);
  }

  async #stat(path: string, argv: string[], { signal }: FileOptions = {}): Promise<GuestFileInfo> {
    const action = this.#action("stat", path);
    const answer = await action.run(argv, { maxBytes: STAT_MAX, signal });
    return action.understood(parseFileInfo(decodeUtf8(answer) ?? ""));
  }
}

function copying(
  { keepOwner = false, followLink = false, onProgress, onWarning = () => {} }: CopyOptions,
  until: Promise<never>,
): Copying {
  return { keepOwner, followLink, onProgress, onWarning, until };
}

/** `undefined` for what is none. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A file's content as the agent's tool takes it: parts behind their lengths, of which only the last is empty. */
async function* inParts(data: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of data instanceof Uint8Array ? [data] : data) {
    for (let at = 0; at < chunk.length; at += PART_BYTES) yield partOf(chunk.subarray(at, at + PART_BYTES));
  }
  yield partOf(new Uint8Array(0));
}

function partOf(data: Uint8Array): Uint8Array {
  const part = new Uint8Array(4 + data.length);
  new DataView(part.buffer).setUint32(0, data.length, true);
  part.set(data, 4);
  return part;
}

import type { ReadableMachine } from "../machine/find.ts";
import { INPUT_FRAME_MAX } from "../protocol/attachment.ts";
import type { CopyProgress, MachineCopyOptions } from "../requests/copy.ts";
import { FileAction } from "./file_action.ts";
import { type FileKind, type GuestDirEntry, type GuestFileInfo, parseFileInfo, parseFolder } from "./file_info.ts";
import { untilAborted } from "./until_aborted.ts";

export type { CopyProgress, FileKind, GuestDirEntry, GuestFileInfo };

/** Options of all methods. */
export interface FileOptions {
  /** Cancels the operation, in the guest too; incomplete files are removed. */
  signal?: AbortSignal | undefined;
}

/** How {@linkcode GuestFiles.readFile} reads. */
export interface ReadFileOptions extends FileOptions {
  /** The maximum size of the file, in bytes; default: 64 MiB. */
  maxBytes?: number | undefined;
}

/** How {@linkcode GuestFiles.writeFile} writes. */
export interface WriteFileOptions extends FileOptions {
  /** Permissions; default: those of the replaced file, otherwise 0o644. */
  mode?: number | undefined;
}

/** How {@linkcode GuestFiles.remove} removes. */
export interface RemoveOptions extends FileOptions {
  /** Whether to remove a folder with its content; otherwise it must be empty. */
  recursive?: boolean | undefined;
}

/** How {@linkcode GuestFiles.mkdir} makes folders. */
export interface MkdirOptions extends FileOptions {
  /** Whether to make missing parents, and to accept an existing folder. */
  recursive?: boolean | undefined;
  /** Permissions of new folders; default: 0o755. */
  mode?: number | undefined;
}

/** How {@linkcode GuestFiles.copyIn} and {@linkcode GuestFiles.copyOut} copy. */
export interface CopyOptions extends FileOptions {
  /** Whether copies keep their owners; otherwise root owns them in the guest, and this process's user on the host. */
  keepOwner?: boolean | undefined;
  /** Whether to follow the source if it is a symlink; symlinks below a folder are never followed. */
  followLink?: boolean | undefined;
  /** Called with the progress of the copy. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Called for files that are not copied, such as devices. */
  onWarning?: ((text: string) => void) | undefined;
}

const READ_MAX = 64 * 1024 ** 2;
const LIST_MAX = 8 * 1024 ** 2;
const STAT_MAX = 256;
const NEW_FOLDER_MODE = 0o755;
/** With its length in front, a part fills one frame of input. */
const PART_BYTES = INPUT_FRAME_MAX - 4;

/**
 * The files in a running machine. All operations run as root and need no program of the image. Paths are relative to
 * the guest's root.
 *
 * Every method throws {@linkcode SmolvmError}: `no-file` for a missing path, `file` for any other failure in the guest,
 * `machine-state` when the machine does not run, `usage` for a path with a NUL or half a surrogate pair. If its signal
 * is aborted, it throws the reason.
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
  readonly #open: () => ReadableMachine;

  /** Calls `open` for each operation to find the machine; `open` may throw. */
  constructor(open: () => ReadableMachine) {
    this.#open = open;
  }

  /** Reads a file. Devices and pipes are refused. */
  async readFile(
    path: string,
    { maxBytes = READ_MAX, signal }: ReadFileOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const hint = "Give it a larger maxBytes, or use copyOut().";
    return await this.#action("read", path).run(["read"], { maxBytes, hint, signal });
  }

  /** Reads a file, decoded as UTF-8. */
  async readTextFile(path: string, options?: ReadFileOptions): Promise<string> {
    return new TextDecoder().decode(await this.readFile(path, options));
  }

  /**
   * Writes a file; follows symlinks. An existing file is replaced when all data has arrived, and keeps its owner.
   *
   * @param data bytes, or a stream such as a `ReadableStream`, whose error is thrown
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
   * Lists a folder, sorted by name. Fails if a name is not UTF-8, because no method accepts such names, or if the names
   * exceed 8 MiB in total.
   */
  async readDir(path: string, { signal }: FileOptions = {}): Promise<GuestDirEntry[]> {
    const action = this.#action("list", path);
    const answer = await action.run(["list"], { maxBytes: LIST_MAX, signal });
    const names = decodeUtf8(answer);
    if (names === undefined) throw action.failure("file", "A name in it is not UTF-8");
    return action.understood(parseFolder(names));
  }

  /** Returns the properties of a file; follows symlinks. */
  async stat(path: string, options?: FileOptions): Promise<GuestFileInfo> {
    return await this.#stat(path, ["stat", "-L"], options);
  }

  /** Returns the properties of a file; for a symlink, those of the symlink itself. */
  async lstat(path: string, options?: FileOptions): Promise<GuestFileInfo> {
    return await this.#stat(path, ["stat"], options);
  }

  /** Removes a file, a symlink or a folder; refuses mount points, such as volumes. */
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
   * @param source a path, or a tar archive as a stream, which is unpacked into the folder at `path`; an archive
   * compressed by gzip, bzip2, xz or zstd needs the program of that name
   * @throws {SmolvmError} `copy` for a failure on the host or in the guest. If files change during the copy, it throws
   * after all other files are copied.
   */
  async copyIn(source: string | AsyncIterable<Uint8Array>, path: string, options: CopyOptions = {}): Promise<void> {
    const { copyToMachine, extractInMachine } = await import("../requests/copy.ts");
    const target = { machine: this.#open(), path };
    await untilAborted(options.signal, async (until) => {
      if (typeof source === "string") await copyToMachine(source, target, copying(options, until));
      else await extractInMachine(source, target, copying(options, until));
    });
  }

  /**
   * Copies a file or folder of the guest to this host, like {@linkcode copyIn}.
   *
   * @param target a path, or a function that receives a tar archive in chunks; the next chunk waits for its promise
   */
  async copyOut(
    path: string,
    target: string | ((data: Uint8Array) => Promise<void>),
    options: CopyOptions = {},
  ): Promise<void> {
    const { archiveFromMachine, copyFromMachine } = await import("../requests/copy.ts");
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
): MachineCopyOptions {
  return { keepOwner, followLink, onProgress, onWarning, until };
}

/** Returns `undefined` for invalid UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Encodes a file's content for the agent's tool: parts, each after its length; an empty part marks the end. */
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

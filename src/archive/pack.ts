import { osReason } from "../host/os_error.ts";
import { pinFile } from "../host/pinned_file.ts";
import { readChunks } from "../host/streams.ts";
import { encodeEnd, encodeEntry } from "./encode.ts";
import { type Entry, type EntryType, isUtf8, paddingOf } from "./entry.ts";
import { toFileError } from "./file_error.ts";
import type { OnProgress } from "./progress.ts";

/** Large, so that many small files share a chunk. */
const CHUNK_BYTES = 64 * 1024;
/** How many bytes of a file are read before its entry is written. */
const WHOLE_MAX = 64 * 1024;
/** The same limit for a file of size 0, which may have content, as in /proc. */
const UNSIZED_MAX = 16 * 1024 ** 2;

export interface PackOptions {
  /** Whether `path` is followed if it is a symlink; symlinks below it never are. */
  followLink: boolean;
  onProgress?: OnProgress | undefined;
  /** Called for each file that is left out, because it is neither a file nor a folder. */
  onLeftOut?: ((file: string) => void) | undefined;
  /** Called for a file below `path` that cannot be read or changes meanwhile; the other files are packed. */
  onChanged?: ((file: string, what: string) => void) | undefined;
}

/**
 * Packs a file or folder, which is named "." in the archive, in chunks of 64 KiB; only the last may be smaller. A file
 * that shrinks meanwhile is padded with zeros; a file that grows is packed up to its old size.
 *
 * @throws {FileError} when `path` itself cannot be read.
 */
export async function* pack(path: string, options: PackOptions): AsyncGenerator<Uint8Array> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for await (const data of archive(path, options)) {
    for (let at = 0; at < data.length;) {
      const part = data.subarray(at, at + CHUNK_BYTES - length);
      chunk.set(part, length);
      at += part.length;
      length += part.length;
      if (length < CHUNK_BYTES) continue;
      yield chunk;
      [chunk, length] = [new Uint8Array(CHUNK_BYTES), 0];
    }
  }
  yield chunk.subarray(0, length);
}

async function* archive(path: string, options: PackOptions): AsyncGenerator<Uint8Array> {
  yield* new Packing(options).any(path, "");
  yield encodeEnd();
}

/** An open file whose entry can be written. */
interface OpenFile {
  /** Kept open while the file is packed. */
  resources: DisposableStack;
  status: Deno.FileInfo;
  entry: Entry;
  /** For a folder: its pinned path and the names in it. */
  path: string;
  names?: string[];
  /** For a file: its data. */
  chunks?: AsyncIterator<Uint8Array>;
}

class Packing {
  readonly #options: PackOptions;
  /** The archive's name for each file with several links, by device and inode. */
  readonly #linked = new Map<string, string>();
  #done = 0;

  constructor(options: PackOptions) {
    this.#options = options;
  }

  /** Packs the file at `path`; `below` is its path relative to the root of the copy. */
  async *any(path: string, below: string): AsyncGenerator<Uint8Array> {
    const file = await this.#open(path, below);
    if (file === undefined) return;
    using _ = file.resources;
    const { status, entry, names = [], chunks } = file;
    yield encodeEntry(entry);
    this.#remember(status, entry.name);
    if (chunks) yield* this.#data(chunks, entry.size, below);
    for (const name of names) yield* this.any(`${file.path}/${name}`, below === "" ? name : `${below}/${name}`);
  }

  /** Returns `undefined` for a file that is left out and reported. */
  async #open(path: string, below: string): Promise<OpenFile | undefined> {
    using resources = new DisposableStack();
    try {
      const pinned = resources.use(pinFile(path, { followLink: below === "" && this.#options.followLink }));
      const status = pinned.status();
      const entry = entryOf(status, below);
      if (entry === undefined) return this.#leaveOut(below);
      const opened: Omit<OpenFile, "resources"> = { status, entry, path: pinned.path };
      const known = this.#linked.get(keyOf(status));
      if (known !== undefined) opened.entry = { ...entry, type: "hardLink", size: 0, link: known };
      else if (entry.type === "symlink") entry.link = Deno.readLinkSync(path);
      else if (entry.type === "folder") opened.names = [...Deno.readDirSync(pinned.path)].map(({ name }) => name);
      else if (entry.type === "file") {
        const start = await readStart(resources.use(await Deno.open(pinned.path)), entry.size);
        opened.chunks = start.chunks;
        entry.size = start.size;
      }
      return { ...opened, resources: resources.move() };
    } catch (error) {
      if (below === "") throw toFileError(below, error);
      this.#options.onChanged?.(below, `is left out: ${reasonOf(error, below)}`);
      return undefined;
    }
  }

  /** Yields exactly `size` bytes, even if the file changes, and the padding. */
  async *#data(source: AsyncIterator<Uint8Array>, size: number, below: string): AsyncGenerator<Uint8Array> {
    let chunks = source;
    for (let left = size; left > 0;) {
      const chunk = await this.#next(chunks, below);
      if (chunk === undefined) {
        chunks = zeros();
        continue;
      }
      // Data that was appended since is not part of the entry.
      const data = chunk.subarray(0, left);
      left -= data.length;
      this.#done += data.length;
      yield data;
      this.#options.onProgress?.({ file: below, fileBytes: size, fileDone: size - left, done: this.#done });
    }
    yield new Uint8Array(paddingOf(size));
  }

  /** Returns `undefined` when the file ends too early. */
  async #next(chunks: AsyncIterator<Uint8Array>, below: string): Promise<Uint8Array | undefined> {
    let error: unknown = new Error("It has become shorter while it was copied");
    try {
      const { done, value } = await chunks.next();
      if (!done) return value;
    } catch (cause) {
      error = cause;
    }
    if (below === "") throw toFileError(below, error);
    this.#options.onChanged?.(below, `is not as it was, its end is zeros: ${osReason(error)}`);
    return undefined;
  }

  #leaveOut(below: string): undefined {
    if (below === "") throw new Error("It is neither a file nor a folder");
    this.#options.onLeftOut?.(below);
  }

  /** Remembers the name, so that other links to the file become hard links to it. */
  #remember(status: Deno.FileInfo, name: string): void {
    const key = keyOf(status);
    if (!status.isDirectory && (status.nlink ?? 1) > 1 && !this.#linked.has(key)) this.#linked.set(key, name);
  }
}

/** Why a file that its folder has just listed cannot be read. */
function reasonOf(error: unknown, below: string): string {
  if (!(error instanceof Deno.errors.NotFound)) return osReason(error);
  return isUtf8(below) ? "it has vanished" : "its name is not UTF-8";
}

function keyOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}

/** Reads the start of a file to learn its real size if it is small: kernel files report a wrong one. */
async function readStart(
  file: Deno.FsFile,
  size: number,
): Promise<{ size: number; chunks: AsyncIterator<Uint8Array> }> {
  const [rest, start] = [readChunks(file), [] as Uint8Array[]];
  let bytes = 0;
  for (const most = size === 0 ? UNSIZED_MAX : WHOLE_MAX; bytes < most;) {
    const { done, value } = await rest.next();
    if (done) return { size: bytes, chunks: chain(start, rest) };
    start.push(value);
    bytes += value.length;
  }
  if (size === 0) throw new Error("File too large");
  return { size: Math.max(size, bytes), chunks: chain(start, rest) };
}

async function* chain(start: Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* start;
  yield* rest;
}

async function* zeros(): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  while (true) yield await Promise.resolve(chunk);
}

function entryOf(status: Deno.FileInfo, below: string): Entry | undefined {
  const type = typeOf(status);
  return type && {
    type,
    mode: (status.mode ?? 0o644) & 0o7777,
    uid: status.uid ?? 0,
    gid: status.gid ?? 0,
    size: type === "file" ? status.size : 0,
    mtimeS: (status.mtime?.getTime() ?? 0) / 1000,
    name: below === "" ? "." : `./${below}`,
    link: "",
  };
}

function typeOf({ isFile, isDirectory, isSymlink, isFifo }: Deno.FileInfo): EntryType | undefined {
  return isFile ? "file" : isDirectory ? "folder" : isSymlink ? "symlink" : isFifo ? "fifo" : undefined;
}

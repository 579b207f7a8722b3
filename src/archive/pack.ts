import { pinFile, type PinnedFile } from "../host/pinned_file.ts";
import { readChunks } from "../host/streams.ts";
import { encodeEnd, encodeEntry } from "./encode.ts";
import { type Entry, type EntryType, paddingOf } from "./entry.ts";
import { toFileError } from "./file_error.ts";
import type { OnProgress } from "./progress.ts";

export interface PackOptions {
  /** Whether a link stands for what it leads to; those below it never do. */
  followLink: boolean;
  onProgress?: OnProgress | undefined;
  /** Told what is left out, being neither file nor folder. */
  onLeftOut?: ((file: string) => void) | undefined;
}

/**
 * The chunks, of at most 16 KiB, of an archive of a file or folder, which is named "." in there.
 *
 * @throws {FileError} for a file that cannot be read.
 */
export async function* pack(path: string, options: PackOptions): AsyncGenerator<Uint8Array> {
  yield* new Packing(options).any(path, "");
  yield encodeEnd();
}

class Packing {
  readonly #options: PackOptions;
  /** The names in the archive of files that have several, by device and inode. */
  readonly #linked = new Map<string, string>();
  #done = 0;

  constructor(options: PackOptions) {
    this.#options = options;
  }

  /** What is at `path`; `below` is its name below what is packed. */
  async *any(path: string, below: string): AsyncGenerator<Uint8Array> {
    try {
      using file = pinFile(path, { followLink: below === "" && this.#options.followLink });
      const status = file.status();
      const entry = entryOf(status, below);
      if (entry === undefined) return this.#leaveOut(below);
      const known = this.#linkedTo(status, entry.name);
      if (known !== undefined) yield encodeEntry({ ...entry, type: "hardLink", size: 0, link: known });
      else if (entry.type === "file") yield* this.#data(file, entry, below);
      else if (entry.type === "symlink") yield encodeEntry({ ...entry, link: Deno.readLinkSync(path) });
      else yield encodeEntry(entry);
      if (entry.type === "folder") yield* this.#content(file, below);
    } catch (error) {
      throw toFileError(below, error);
    }
  }

  async *#content(folder: PinnedFile, below: string): AsyncGenerator<Uint8Array> {
    for (const { name } of Deno.readDirSync(folder.path)) {
      yield* this.any(`${folder.path}/${name}`, below === "" ? name : `${below}/${name}`);
    }
  }

  async *#data(pinned: PinnedFile, entry: Entry, below: string): AsyncGenerator<Uint8Array> {
    using file = await Deno.open(pinned.path);
    yield encodeEntry(entry);
    let left = entry.size;
    for await (const chunk of left > 0 ? readChunks(file) : []) {
      // What was added to it since is not part of the entry.
      const data = chunk.subarray(0, left);
      left -= data.length;
      this.#done += data.length;
      yield data;
      this.#options.onProgress?.({
        file: below,
        fileBytes: entry.size,
        fileDone: entry.size - left,
        done: this.#done,
      });
      if (left === 0) break;
    }
    if (left > 0) throw new Error("It has become shorter while it was copied");
    // No empty chunk: to a command that is the end of its input.
    const padding = new Uint8Array(paddingOf(entry.size));
    if (padding.length > 0) yield padding;
  }

  #leaveOut(below: string): void {
    if (below === "") throw new Error("It is neither a file nor a folder");
    this.#options.onLeftOut?.(below);
  }

  /** The name that the archive has a file by already. */
  #linkedTo({ isDirectory, nlink, dev, ino }: Deno.FileInfo, name: string): string | undefined {
    if (isDirectory || (nlink ?? 1) < 2) return undefined;
    const key = `${dev}:${ino}`;
    const known = this.#linked.get(key);
    if (known === undefined) this.#linked.set(key, name);
    return known;
  }
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

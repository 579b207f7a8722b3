import { removeIfThere } from "../host/files.ts";
import { pinFile } from "../host/pinned_file.ts";
import { writeAll } from "../host/streams.ts";
import { ArchiveError } from "./decode.ts";
import { resolveDestination, type UnpackDestination } from "./destination.ts";
import { type Entry, isUtf8 } from "./entry.ts";
import { FileError, toFileError } from "./file_error.ts";
import { type Attributes, OpenFolders, setAttributes } from "./open_folders.ts";
import type { OnProgress } from "./progress.ts";
import { ArchiveReader } from "./reader.ts";

/** All bits but set-user-id and set-group-id: the guest's users are not the host's. */
const PERMISSIONS = 0o1777;

export interface UnpackOptions {
  /** The destination, resolved by {@linkcode resolveDestination}. */
  destination: string;
  /** The name of the copy if the destination is an existing folder. */
  name: string;
  /** Whether owners and all mode bits are kept; otherwise files belong to the user of this process. */
  keepOwner: boolean;
  onProgress?: OnProgress | undefined;
  /** Called for each file that is left out, because it is neither a file nor a folder. */
  onLeftOut?: ((file: string) => void) | undefined;
  /** Called for a file below the root that cannot be made on this host, with the reason; the other files are made. */
  onRefused?: ((file: string, reason: string) => void) | undefined;
}

/**
 * Unpacks an archive whose first entry is its root, named ".". No entry can leave the destination, and a file gets its
 * name when it is complete.
 *
 * @throws {ArchiveError | FileError} when a file cannot be made.
 */
export async function unpack(chunks: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  const reader = new ArchiveReader(chunks);
  const first = await reader.next();
  if (first === undefined || pathOf(first.name).length > 0) throw new ArchiveError("The archive is broken");
  using unpacking = begin(reader, first.type === "folder", options);
  for (let entry: Entry | undefined = first; entry; entry = await reader.next()) await unpacking.put(entry);
  unpacking.finish();
}

function begin(reader: ArchiveReader, isFolder: boolean, options: UnpackOptions): Unpacking {
  try {
    return new Unpacking(reader, resolveDestination(options.destination, { name: options.name, isFolder }), options);
  } catch (error) {
    throw toFileError("", error);
  }
}

class Unpacking implements Disposable {
  readonly #reader: ArchiveReader;
  readonly #destination: UnpackDestination;
  readonly #options: UnpackOptions;
  readonly #folders: OpenFolders;
  /** The name of a file that is not complete. */
  readonly #temporary = `.smolvm-${crypto.randomUUID()}`;
  #done = 0;

  constructor(reader: ArchiveReader, destination: UnpackDestination, options: UnpackOptions) {
    this.#reader = reader;
    this.#destination = destination;
    this.#options = options;
    this.#folders = new OpenFolders(destination.folder);
  }

  async put(entry: Entry): Promise<void> {
    const path = this.#placeOf(entry.name);
    const name = path.pop();
    const file = this.#shownName(entry);
    try {
      // The root is the existing folder.
      if (name === undefined) return;
      if (!isUtf8(entry.name + entry.link)) {
        return this.#options.onRefused?.(file, "its name, or where it leads, is not UTF-8");
      }
      this.#folders.go(path);
      if (entry.type === "folder") this.#folders.make(name, this.#attributesOf(entry));
      else if (entry.type === "fifo") this.#leaveOut(file);
      else await this.#replace(name, entry, file);
    } catch (error) {
      throw error instanceof ArchiveError ? error : toFileError(file, error);
    }
  }

  finish(): void {
    this.#folders.leave();
  }

  [Symbol.dispose](): void {
    this.#folders[Symbol.dispose]();
  }

  /** A fifo is left out: programs on the host could block on it. */
  #leaveOut(file: string): void {
    if (file === this.#destination.shown) throw new Error("It is neither a file nor a folder");
    this.#options.onLeftOut?.(file);
  }

  /** Makes a file under a temporary name and renames it. */
  async #replace(name: string, entry: Entry, file: string): Promise<void> {
    const folder = this.#folders.path;
    const temporary = `${folder}/${this.#temporary}`;
    try {
      if (entry.type === "file") await this.#write(temporary, entry.size, file);
      else if (entry.type === "symlink") Deno.symlinkSync(entry.link, temporary);
      else this.#link(temporary, entry.link);
      if (hasAttributes(entry)) {
        using made = pinFile(temporary);
        setAttributes(made, this.#attributesOf(entry));
      }
      Deno.renameSync(temporary, `${folder}/${name}`);
    } finally {
      // It still exists after a failure, and after a rename between two links of one file, which does nothing.
      await removeIfThere(temporary);
    }
  }

  async #write(path: string, fileBytes: number, name: string): Promise<void> {
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    let fileDone = 0;
    for (let data = await this.#reader.read(); data; data = await this.#reader.read()) {
      await writeAll(file, data);
      fileDone += data.length;
      this.#done += data.length;
      this.#options.onProgress?.({ file: name, fileBytes, fileDone, done: this.#done });
    }
  }

  /** Makes a hard link to an earlier file of the archive. */
  #link(path: string, target: string): void {
    const place = this.#placeOf(target);
    const name = place.pop();
    using folders = this.#folders.reopen();
    folders.go(place);
    Deno.linkSync(`${folders.path}/${name ?? "."}`, path);
  }

  /** The path of a file of the archive below the outermost folder. */
  #placeOf(name: string): string[] {
    const { root } = this.#destination;
    return root === "" ? pathOf(name) : [root, ...pathOf(name)];
  }

  #shownName({ name }: Entry): string {
    return [this.#destination.shown, ...pathOf(name)].filter((part) => part !== "").join("/");
  }

  #attributesOf({ type, mode, uid, gid, mtimeS }: Entry): Attributes {
    const { keepOwner } = this.#options;
    return {
      mode: type === "symlink" ? undefined : keepOwner ? mode : mode & PERMISSIONS,
      owner: keepOwner ? { uid, gid } : undefined,
      mtimeS,
    };
  }
}

/** A hard link already has them. They can be set on a symlink only by pinning it, which needs Linux. */
function hasAttributes({ type }: Entry): boolean {
  return type === "file" || type === "symlink" && Deno.build.os === "linux";
}

/** The parts of a path of the archive. */
function pathOf(name: string): string[] {
  const names = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || names.includes("..")) {
    throw new FileError(name, new Error("It would leave the destination"));
  }
  return names;
}

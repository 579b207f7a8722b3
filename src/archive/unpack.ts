import { removeIfThere } from "../host/files.ts";
import { pinFile } from "../host/pinned_file.ts";
import { writeAll } from "../host/streams.ts";
import { ArchiveError } from "./decode.ts";
import { type Destination, resolveDestination } from "./destination.ts";
import type { Entry } from "./entry.ts";
import { FileError, toFileError } from "./file_error.ts";
import { type Attributes, OpenFolders, setAttributes } from "./open_folders.ts";
import type { OnProgress } from "./progress.ts";
import { ArchiveReader } from "./reader.ts";

/** The bits that make a program run as its owner are for the guest, whose users are not the host's. */
const PERMISSIONS = 0o777;

export interface UnpackOptions {
  /** Where to, by the rules of {@linkcode resolveDestination}. */
  destination: string;
  /** What is copied is called so, in a folder that is there. */
  name: string;
  /** Whether owners and all bits of modes are kept; else files belong to whose process this is. */
  keepOwner: boolean;
  onProgress?: OnProgress | undefined;
  /** Told what is left out, being neither file nor folder. */
  onLeftOut?: ((file: string) => void) | undefined;
}

/**
 * Makes the files of an archive whose root, its first entry, is named ".". No entry leaves the destination, and a file
 * comes to its name when it is complete.
 *
 * @throws {ArchiveError | FileError} for why not all of it could be made.
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
  readonly #destination: Destination;
  readonly #options: UnpackOptions;
  readonly #folders: OpenFolders;
  /** Name of what is not complete yet. */
  readonly #temporary = `.smolvm-${crypto.randomUUID()}`;
  #done = 0;

  constructor(reader: ArchiveReader, destination: Destination, options: UnpackOptions) {
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
      // The root is the folder that is there.
      if (name === undefined) return;
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

  /** The host is not given what programs could wait for. */
  #leaveOut(file: string): void {
    if (file === this.#destination.shown) throw new Error("It is neither a file nor a folder");
    this.#options.onLeftOut?.(file);
  }

  /** Makes a file under a name of its own, and moves it to its place. */
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
      // It is still there after a failure, and when both are names of one file.
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

  /** Gives another name to a file that the archive had before. */
  #link(path: string, target: string): void {
    const place = this.#placeOf(target);
    const name = place.pop();
    using folders = this.#folders.beginAgain();
    folders.go(place);
    Deno.linkSync(`${folders.path}/${name ?? "."}`, path);
  }

  /** The names on the way from the first folder to a file of the archive. */
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

/** A hard link has them already; of a symlink they can be set only where it can be pinned. */
function hasAttributes({ type }: Entry): boolean {
  return type === "file" || type === "symlink" && Deno.build.os === "linux";
}

/** The names in a path of the archive. */
function pathOf(name: string): string[] {
  const names = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || names.includes("..")) {
    throw new FileError(name, new Error("It would leave the destination"));
  }
  return names;
}

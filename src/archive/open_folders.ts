import { pinFile, type PinnedFile } from "../host/pinned_file.ts";

/** The maximum depth: each folder holds a file descriptor. */
const DEPTH_MAX = 256;

/** The attributes that are set when a file is complete. */
export interface Attributes {
  /** Permission bits; `undefined` for a symlink, which has none. */
  mode: number | undefined;
  /** `undefined`: the user of this process. */
  owner: { uid: number; gid: number } | undefined;
  /** Seconds since 1970. */
  mtimeS: number;
}

/** Sets the attributes of a file; does not follow symlinks. */
export function setAttributes({ path }: PinnedFile, { mode, owner, mtimeS }: Attributes): void {
  // The owner first: chown clears the set-id bits.
  if (owner) Deno.chownSync(path, owner.uid, owner.gid);
  if (mode !== undefined) Deno.chmodSync(path, mode);
  Deno.utimeSync(path, mtimeS, mtimeS);
}

interface OpenFolder {
  name: string;
  folder: PinnedFile;
  /** Set when leaving a new folder: the mode may forbid writing into the folder, and writing changes its mtime. */
  attributes?: Attributes | undefined;
}

/** The folders that are open while an archive is unpacked, each inside the one before it. */
export class OpenFolders implements Disposable {
  readonly #open: OpenFolder[];

  /** Opens the outermost folder. */
  constructor(path: string) {
    this.#open = [{ name: "", folder: pinFolder(path, { followLink: true }) }];
  }

  /** The path of the innermost folder. */
  get path(): string {
    return this.#open.at(-1)!.folder.path;
  }

  /** A new instance with the same outermost folder. */
  reopen(): OpenFolders {
    return new OpenFolders(`${this.#open[0]!.folder.path}/.`);
  }

  /** Opens the folder at this path below the outermost; follows no symlink. */
  go(names: readonly string[]): void {
    let common = 0;
    while (common < names.length && this.#open[common + 1]?.name === names[common]) common++;
    this.#leaveTo(common + 1);
    for (const name of names.slice(common)) this.#enter(name);
  }

  /** Makes a folder in the innermost and opens it; an existing folder keeps its attributes. */
  make(name: string, attributes: Attributes): void {
    let isNew = true;
    try {
      Deno.mkdirSync(`${this.path}/${name}`, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      isNew = false;
    }
    this.#enter(name, isNew ? attributes : undefined);
  }

  /** Leaves all folders but the outermost. */
  leave(): void {
    this.#leaveTo(1);
  }

  [Symbol.dispose](): void {
    for (const { folder } of this.#open.splice(0)) folder[Symbol.dispose]();
  }

  #enter(name: string, attributes?: Attributes): void {
    if (this.#open.length === DEPTH_MAX) throw new Error(`More than ${DEPTH_MAX} folders in each other`);
    this.#open.push({ name, folder: pinFolder(`${this.path}/${name}`), attributes });
  }

  #leaveTo(depth: number): void {
    while (this.#open.length > depth) {
      const { folder, attributes } = this.#open.pop()!;
      using pinned = folder;
      if (attributes) setAttributes(pinned, attributes);
    }
  }
}

function pinFolder(path: string, options?: { followLink: boolean }): PinnedFile {
  const folder = pinFile(path, options);
  if (folder.status().isDirectory) return folder;
  folder[Symbol.dispose]();
  throw new Error("Not a directory");
}

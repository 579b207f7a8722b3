import { pinFile, type PinnedFile } from "../host/pinned_file.ts";

/** Each takes a descriptor. */
const DEPTH_MAX = 256;

/** What a file gets when all else is done. */
export interface Attributes {
  /** Permissions; `undefined` for a link, which has none. */
  mode: number | undefined;
  /** `undefined`: whose process this is. */
  owner: { uid: number; gid: number } | undefined;
  /** Seconds since 1970. */
  mtimeS: number;
}

/** Gives a file what it is to have; never what a link leads to. */
export function setAttributes({ path }: PinnedFile, { mode, owner, mtimeS }: Attributes): void {
  // The owner first: a new one takes the bits for set-id away.
  if (owner) Deno.chownSync(path, owner.uid, owner.gid);
  if (mode !== undefined) Deno.chmodSync(path, mode);
  Deno.utimeSync(path, mtimeS, mtimeS);
}

interface OpenFolder {
  name: string;
  folder: PinnedFile;
  /** Of a new one: they may forbid to fill it, and that would change its time. */
  attributes?: Attributes | undefined;
}

/** The folders that are open while an archive is unpacked: one after the other, each in the one before it. */
export class OpenFolders implements Disposable {
  readonly #open: OpenFolder[];

  /** Begins with the one that all others are in. */
  constructor(path: string) {
    this.#open = [{ name: "", folder: pinFolder(path, { followLink: true }) }];
  }

  /** The path of the innermost. */
  get path(): string {
    return this.#open.at(-1)!.folder.path;
  }

  /** Others that begin with the same. */
  beginAgain(): OpenFolders {
    return new OpenFolders(`${this.#open[0]!.folder.path}/.`);
  }

  /** Goes to a folder below the first one, by the names of those on the way; no link is followed. */
  go(names: readonly string[]): void {
    let common = 0;
    while (common < names.length && this.#open[common + 1]?.name === names[common]) common++;
    this.#leaveTo(common + 1);
    for (const name of names.slice(common)) this.#enter(name);
  }

  /** Makes a folder in the innermost and goes there; one that is there stays as it is. */
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

  /** Leaves all but the first. */
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

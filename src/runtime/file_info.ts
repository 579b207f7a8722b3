/** The kind of a file; all false for devices, pipes and sockets. */
export interface FileKind {
  /** Whether it is a regular file. */
  isFile: boolean;
  /** Whether it is a folder. */
  isDirectory: boolean;
  /** Whether it is a symbolic link. */
  isSymlink: boolean;
}

/** A file in a folder of a guest. */
export interface GuestDirEntry extends FileKind {
  /** Its name in the folder. */
  name: string;
}

/** The properties of a guest's file. */
export interface GuestFileInfo extends FileKind {
  /** Size in bytes. */
  size: number;
  /** Permissions, with the set-id and sticky bits: at most 0o7777. */
  mode: number;
  /** Owner's user id. */
  uid: number;
  /** Owner's group id. */
  gid: number;
  /** Time of its last modification. */
  mtime: Date;
}

/** Parses the output of the agent's `files stat`; `undefined` when it is invalid. */
export function parseFileInfo(text: string): GuestFileInfo | undefined {
  const match = /^([fdlo]) (\d{1,19}) ([0-7]{1,4}) (\d{1,10}) (\d{1,10}) (-?\d{1,12}) (\d{1,9})\n$/.exec(text);
  if (match === null) return undefined;
  const [, kind, size, mode, uid, gid, seconds, nanoseconds] = match;
  return {
    ...kindOf(kind!),
    size: Number(size),
    mode: Number.parseInt(mode!, 8),
    uid: Number(uid),
    gid: Number(gid),
    mtime: new Date(Number(seconds) * 1000 + Math.floor(Number(nanoseconds) / 1e6)),
  };
}

/** Parses the output of the agent's `files list` and sorts it by name; `undefined` when it is invalid. */
export function parseFolder(text: string): GuestDirEntry[] | undefined {
  const records = text.split("\0");
  if (records.pop() !== "" || !records.every((record) => /^[fdlo](?!\.\.?$)[^/]+$/.test(record))) return undefined;
  return records
    .map((record) => ({ name: record.slice(1), ...kindOf(record.slice(0, 1)) }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function kindOf(letter: string): FileKind {
  return { isFile: letter === "f", isDirectory: letter === "d", isSymlink: letter === "l" };
}

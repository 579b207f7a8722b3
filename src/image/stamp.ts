/** What changes about a file when it is made, replaced, written to or removed. */
export interface FileStamp {
  path: string;
  /** 0: no such file. */
  inode: number;
  sizeBytes: number;
  /** Last change of the content, in ms since 1970. */
  mtimeMs: number;
}

/** The stamp of a file as it is now. One that cannot be looked at has a stamp too: whoever reads it will say why. */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { ino, size, mtime } = await Deno.stat(path);
    return { path, inode: ino ?? 0, sizeBytes: size, mtimeMs: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return { path, inode: 0, sizeBytes: 0, mtimeMs: 0 };
  }
}

/** Whether the file is still as it was when the stamp was taken. */
export async function isUnchanged(stamp: FileStamp): Promise<boolean> {
  const now = await stampOf(stamp.path);
  return now.inode === stamp.inode && now.sizeBytes === stamp.sizeBytes && now.mtimeMs === stamp.mtimeMs;
}

/** Properties of a file that change when it is made, replaced, written to or removed. */
export interface FileStamp {
  path: string;
  /** 0: no such file. */
  inode: number;
  sizeBytes: number;
  /** Last change of the content, in ms since 1970. */
  mtimeMs: number;
}

/** The current stamp of a file. A file that cannot be examined counts as missing; reading it will report the error. */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { ino, size, mtime } = await Deno.stat(path);
    return { path, inode: ino ?? 0, sizeBytes: size, mtimeMs: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return { path, inode: 0, sizeBytes: 0, mtimeMs: 0 };
  }
}

/** Whether the file is unchanged since the stamp was taken. */
export async function isUnchanged(stamp: FileStamp): Promise<boolean> {
  const now = await stampOf(stamp.path);
  return now.inode === stamp.inode && now.sizeBytes === stamp.sizeBytes && now.mtimeMs === stamp.mtimeMs;
}

/** The kinds of files in an archive, by the letters that tar has for them. */
export const TAR_TYPES = { file: "0", hardLink: "1", symlink: "2", folder: "5", fifo: "6" } as const;
export type EntryType = keyof typeof TAR_TYPES;

/** Of the records that extend the entry behind them. */
export const RECORDS_TYPE = "x";

/** A header is a block, and so is what data is filled up to, in bytes. */
export const BLOCK = 512;

/** A file in an archive. */
export interface Entry {
  type: EntryType;
  /** Permissions alone. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of data that follow; only files have any. */
  size: number;
  /** Seconds since 1970, with a fraction. */
  mtimeS: number;
  name: string;
  /** What a link leads to; else empty. */
  link: string;
}

/** How many bytes follow that many of data, up to a whole block. */
export function paddingOf(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** The sum of a header, which counts its own field as spaces. */
export function checksumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

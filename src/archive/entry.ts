/** The types of entries and the letters that tar uses for them. */
export const TAR_TYPES = { file: "0", hardLink: "1", symlink: "2", folder: "5", fifo: "6" } as const;
export type EntryType = keyof typeof TAR_TYPES;

/** The type of records that extend the entry after them. */
export const RECORDS_TYPE = "x";

/** The size of a header in bytes; data is padded to a multiple of it. */
export const BLOCK = 512;

/** A file in an archive. */
export interface Entry {
  type: EntryType;
  /** Permission bits only. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of data that follow; only files have any. */
  size: number;
  /** Seconds since 1970, with a fraction. */
  mtimeS: number;
  name: string;
  /** The target of a link; otherwise empty. */
  link: string;
}

/** Whether the name was valid UTF-8; Deno cannot create files with other names. */
export function isUtf8(name: string): boolean {
  return !name.includes("\ufffd");
}

/** The number of bytes that pad data of this size to a whole block. */
export function paddingOf(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** The checksum of a header, with its own field counted as spaces. */
export function checksumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

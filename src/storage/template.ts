import { SmolvmError } from "../errors.ts";

/*
 * The disk template: the blocks of an empty file system that are not zero. Little-endian:
 *
 *     8 bytes  magic "SMOLDISK"
 *     u32      version, 1
 *     u32      number of extents
 *     u64      size of the disk in bytes
 *     extents: u64 offset on the disk, u32 length; ascending, disjoint, multiples of the block size
 *     the data of all extents in order, and nothing after it
 */
const MAGIC = new TextEncoder().encode("SMOLDISK");
const VERSION = 1;
const HEADER_BYTES = 24;
const EXTENT_BYTES = 12;
const MAX_EXTENTS = 1024;
const MAX_DISK_BYTES = 2 ** 44;

/** Extents begin and end at multiples of this. */
export const BLOCK_BYTES = 4096;

/** A run of blocks with data. */
export interface Extent {
  /** Its position on the disk, in bytes. */
  offset: number;
  data: Uint8Array;
}

/** An empty file system: everything outside its extents is zero. */
export interface DiskTemplate {
  /** Size of the file system, in bytes. */
  sizeBytes: number;
  extents: Extent[];
}

/** Encodes a template file. */
export function encodeTemplate({ sizeBytes, extents }: DiskTemplate): Uint8Array {
  const dataStart = HEADER_BYTES + extents.length * EXTENT_BYTES;
  const bytes = new Uint8Array(extents.reduce((sum, { data }) => sum + data.length, dataStart));
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, extents.length, true);
  view.setBigUint64(16, BigInt(sizeBytes), true);
  let dataAt = dataStart;
  extents.forEach(({ offset, data }, index) => {
    const at = HEADER_BYTES + index * EXTENT_BYTES;
    view.setBigUint64(at, BigInt(offset), true);
    view.setUint32(at + 8, data.length, true);
    bytes.set(data, dataAt);
    dataAt += data.length;
  });
  return bytes;
}

/**
 * Parses a template file; the extents are views of `bytes`.
 *
 * @throws {SmolvmError} `storage` for an invalid template.
 */
export function parseTemplate(bytes: Uint8Array): DiskTemplate {
  if (bytes.length < HEADER_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw broken("it is not a disk template");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw broken(`its version is ${version}, expected ${VERSION}`);
  const count = view.getUint32(12, true);
  const sizeBytes = Number(view.getBigUint64(16, true));
  let dataAt = HEADER_BYTES + count * EXTENT_BYTES;
  if (count > MAX_EXTENTS || dataAt > bytes.length) throw broken(`its table of ${count} extents does not fit`);
  if (sizeBytes === 0 || sizeBytes > MAX_DISK_BYTES || sizeBytes % BLOCK_BYTES !== 0) {
    throw broken(`its disk size is ${sizeBytes} bytes`);
  }

  const extents: Extent[] = [];
  let free = 0; // End of the previous extent.
  for (let index = 0; index < count; index++) {
    const at = HEADER_BYTES + index * EXTENT_BYTES;
    const offset = Number(view.getBigUint64(at, true));
    const length = view.getUint32(at + 8, true);
    if (offset % BLOCK_BYTES !== 0 || length % BLOCK_BYTES !== 0 || length === 0) {
      throw broken(`extent ${index} is not made of whole blocks`);
    }
    if (offset < free || offset + length > sizeBytes) throw broken(`extent ${index} is out of place`);
    if (dataAt + length > bytes.length) throw broken("it is cut off");
    extents.push({ offset, data: bytes.subarray(dataAt, dataAt + length) });
    dataAt += length;
    free = offset + length;
  }
  if (dataAt !== bytes.length) throw broken(`${bytes.length - dataAt} bytes follow its data`);
  return { sizeBytes, extents };
}

function broken(reason: string): SmolvmError {
  return new SmolvmError("storage", `Cannot use the disk template: ${reason}`, {
    hint: "Rebuild it with scripts/setup.",
  });
}

import { imagesFolder } from "./files.ts";
import { listRecords } from "./record.ts";
import { isOurs } from "./remove.ts";
import { bytesOf, layersOf, readStore, type Store } from "./store.ts";

/** An image as lists show it. */
export interface ListedImage {
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** The manifest's: `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Full names; empty: a dangling image, or one from an archive. */
  names: string[];
  /** The archive or folder it was loaded from; null: pulled from a registry, or built on this host. */
  origin: string | null;
  /** When it was built, ISO 8601. */
  created: string;
  /** Bytes of its layers; other images may share some of them. */
  sizeBytes: number;
  /** Whether its root filesystem is ready for machines. */
  prepared: boolean;
}

/**
 * Lists the images in the storage, the newest first.
 *
 * @throws {SmolvmError} `image` when the storage cannot be read.
 */
export async function listImages(store: Store): Promise<ListedImage[]> {
  const content = await readStore(store);
  const records = await listRecords(imagesFolder());
  const origins = new Map(
    records.filter(({ record }) => record.origin !== null).map(({ record }) => {
      return [record.imageId, record.reference];
    }),
  );
  const prepared = new Set(content.containers.filter(isOurs).map(({ imageId }) => imageId));
  const images = content.images.map((image) => {
    const { imageId, digest, names, created } = image;
    const sizeBytes = bytesOf(layersOf([image], content), content);
    const origin = origins.get(imageId) ?? null;
    return { imageId, digest, names, origin, created, sizeBytes, prepared: prepared.has(imageId) };
  });
  return images.sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
}

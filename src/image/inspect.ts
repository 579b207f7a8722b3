import { buildah } from "./buildah.ts";
import { type ImageDescription, parseDescription } from "./config.ts";
import { type ListedImage, listImages } from "./list.ts";
import { findStored } from "./lookup.ts";
import { readStore, type Store } from "./store.ts";

/** All details of an image in the storage. */
export interface ImageDetails extends ListedImage, ImageDescription {}

/**
 * Looks an image up in the storage by its name, the beginning of its id, or its archive.
 *
 * @throws {SmolvmError} `no-image`; `source` for an invalid reference; `usage` for an ambiguous id.
 */
export async function inspectImage(text: string, store: Store): Promise<ImageDetails> {
  const { image } = await findStored(text, await readStore(store), store);
  const listed = (await listImages(store)).find(({ imageId }) => imageId === image.imageId);
  const action = `inspect image "${text}"`;
  const json = await buildah(["inspect", "--type", "image", image.imageId], { action, ...store.run });
  return { ...listed!, ...parseDescription(json, text) };
}

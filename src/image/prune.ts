import type { ListedImage } from "./list.ts";
import { isOurs } from "./remove.ts";
import { bytesOf, layersOf, type StoreContent, type StoredContainer, type StoredImage } from "./store.ts";

/** What can be removed of a storage. */
export interface ImagePrune {
  /** Images that nobody uses, with what was prepared of them. */
  images: StoredImage[];
  /** What was prepared of images that stay, and that no machine uses. */
  containers: StoredContainer[];
  /** Bytes of the layers that nothing else needs. */
  freedBytes: number;
}

/** How much is to go. */
export interface ImagePruneOptions {
  /** The ids of the images that machines use. */
  used: ReadonlySet<string>;
  /** Also images that have a name, or an archive. */
  all: boolean;
}

/** What nobody uses of a storage: no machine, and no container of buildah's or podman's. */
export function planImagePrune(
  listed: readonly Pick<ListedImage, "imageId" | "names" | "origin">[],
  content: StoreContent,
  { used, all }: ImagePruneOptions,
): ImagePrune {
  const unusedContainers = content.containers.filter((container) => isOurs(container) && !used.has(container.imageId));
  const keptContainers = content.containers.filter((container) => !unusedContainers.includes(container));
  const needed = new Set([...used, ...keptContainers.map(({ imageId }) => imageId)]);
  const dangling = new Set(
    listed.filter(({ names, origin }) => names.length === 0 && origin === null).map(({ imageId }) => imageId),
  );
  const images = content.images.filter(({ imageId }) => !needed.has(imageId) && (all || dangling.has(imageId)));
  const keptImages = content.images.filter((image) => !images.includes(image));
  const kept = layersOf([...keptImages, ...keptContainers], content);
  const freed = layersOf([...images, ...unusedContainers], content).difference(kept);
  const removed = new Set(images.map(({ imageId }) => imageId));
  const containers = unusedContainers.filter(({ imageId }) => !removed.has(imageId));
  return { images, containers, freedBytes: bytesOf(freed, content) };
}

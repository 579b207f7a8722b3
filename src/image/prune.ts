import type { ListedImage } from "./list.ts";
import { isOurs } from "./remove.ts";
import { bytesOf, layersOf, type StoreContent, type StoredContainer, type StoredImage } from "./store.ts";

/** The images and containers to remove from a storage. */
export interface ImagePrune {
  /** Unused images, with their working containers. */
  images: StoredImage[];
  /** Working containers, used by no machine, of images that stay. */
  containers: StoredContainer[];
  /** Bytes of the layers that only these images and containers need. */
  freedBytes: number;
}

/** How much to remove. */
export interface ImagePruneOptions {
  /** The ids of the images that machines use. */
  used: ReadonlySet<string>;
  /** Also remove images that have a name or an archive. */
  all: boolean;
}

/** Finds the images and working containers that no machine and no container of buildah or podman uses. */
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

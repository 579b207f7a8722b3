import type { StoreContent, StoredContainer, StoredImage } from "../../src/image/store.ts";

/** An id of an image, 64 digits long. */
export const idOf = (digit: string) => digit.repeat(64);

/** An image with one name, or none, and that layer on top. */
export function storedImage(digit: string, names: string[], layer: string | null): StoredImage {
  const digest = `sha256:${idOf(digit)}`;
  return { imageId: idOf(digit), digest, names, created: "2026-11-23T12:00:00Z", layer };
}

/** What smolvm prepared of an image, with a layer of its own. */
export function preparedContainer(digit: string, layer: string): StoredContainer {
  return { id: `c${digit}`, name: `smolvm-${digit.repeat(16)}`, imageId: idOf(digit), layer };
}

/** A storage with those layers: their parents, and the bytes of each. */
export function storeContent(
  images: StoredImage[],
  containers: StoredContainer[],
  layers: Record<string, [parent: string | null, sizeBytes: number]>,
): StoreContent {
  const entries = Object.entries(layers).map(([id, [parent, sizeBytes]]) => [id, { parent, sizeBytes }] as const);
  return { images, containers, layers: new Map(entries) };
}

import type { StoreContent, StoredContainer, StoredImage } from "../../src/image/store.ts";

/** An image id of 64 digits. */
export const idOf = (digit: string) => digit.repeat(64);

/** An image with these names, and this layer on top. */
export function storedImage(digit: string, names: string[], layer: string | null): StoredImage {
  const digest = `sha256:${idOf(digit)}`;
  return { imageId: idOf(digit), digest, names, created: "2026-11-23T12:00:00Z", layer };
}

/** smolvm's working container of an image, with its own layer. */
export function preparedContainer(digit: string, layer: string): StoredContainer {
  return { id: `c${digit}`, name: `smolvm-${digit.repeat(16)}`, imageId: idOf(digit), layer };
}

/** A storage with these layers: the parent and the size of each. */
export function storeContent(
  images: StoredImage[],
  containers: StoredContainer[],
  layers: Record<string, [parent: string | null, sizeBytes: number]>,
): StoreContent {
  const entries = Object.entries(layers).map(([id, [parent, sizeBytes]]) => [id, { parent, sizeBytes }] as const);
  return { images, containers, layers: new Map(entries) };
}

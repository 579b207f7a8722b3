import { folders } from "../host/folders.ts";
import { containerName } from "./container.ts";
import type { ImageReference } from "./reference.ts";
import type { ImageStorage } from "./storage.ts";

/** Holds the records of images, and the locks and temporary files of whoever is at one of them. */
export function imagesFolder(): string {
  return `${folders().state}/images`;
}

/** The record of an image. */
export async function recordFile(reference: ImageReference, { key }: Pick<ImageStorage, "key">): Promise<string> {
  const name = `${key}\n${reference.kind === "stored" ? reference.imageId : reference.name}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return `${imagesFolder()}/${new Uint8Array(digest).toHex().slice(0, 32)}.json`;
}

/** The lock, without its extension, of whoever makes or removes an image's container. */
export function containerLock(image: { imageId: string }): string {
  return `${imagesFolder()}/${containerName(image)}`;
}

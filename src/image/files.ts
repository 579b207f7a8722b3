import { folders } from "../host/folders.ts";
import { containerName } from "./container.ts";
import type { ImageReference } from "./reference.ts";
import type { ImageStorage } from "./storage.ts";

/** The folder of image records, locks, and temporary files of preparations. */
export function imagesFolder(): string {
  return `${folders().state}/images`;
}

/** The file of an image's record. */
export async function recordFile(reference: ImageReference, { key }: Pick<ImageStorage, "key">): Promise<string> {
  const name = `${key}\n${reference.kind === "stored" ? reference.imageId : reference.name}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return `${imagesFolder()}/${new Uint8Array(digest).toHex().slice(0, 32)}.json`;
}

/** The path, without its extension, of the lock to hold while making or removing an image's container. */
export function containerLock(image: { imageId: string }): string {
  return `${imagesFolder()}/${containerName(image)}`;
}

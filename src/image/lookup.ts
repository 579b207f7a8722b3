import { SmolvmError } from "../errors.ts";
import { recordFile } from "./files.ts";
import { readRecord } from "./record.ts";
import { parseReference } from "./reference.ts";
import type { Store, StoreContent, StoredImage } from "./store.ts";

/** An image of the storage and the name that the user gave. */
export interface NamedImage {
  image: StoredImage;
  /** The image's name that matched; absent when the user gave its id, its digest or its archive. */
  name?: string;
}

/**
 * Finds an image in the storage by its name, the beginning of its id, or the archive it was loaded from.
 *
 * @throws {SmolvmError} `source` for an invalid reference; `no-image` when there is no such image; `usage` when several
 * ids match.
 */
export async function findStored(text: string, content: StoreContent, { storage }: Store): Promise<NamedImage> {
  const reference = parseReference(text);
  if (reference.kind === "local") {
    const record = await readRecord(await recordFile(reference, storage));
    const image = content.images.find(({ imageId }) => imageId === record?.imageId);
    if (image !== undefined) return { image };
  } else {
    const { localName, name } = reference;
    const found = findNamed(localName === undefined ? [name] : [localName, name], content) ?? findById(text, content);
    if (found !== undefined) return found;
  }
  throw new SmolvmError("no-image", `No such image: "${text}"`);
}

function findNamed(candidates: string[], { images }: StoreContent): NamedImage | undefined {
  for (const name of candidates) {
    const image = images.find(({ names }) => names.includes(name));
    if (image !== undefined) return { image, name };
    const [repository, digest] = name.split("@");
    const pinned = images.find((image) =>
      image.digest === digest && image.names.map(repositoryOf).includes(repository!)
    );
    if (pinned !== undefined) return { image: pinned };
  }
}

/** Returns the name of an image without its tag or digest. */
export function repositoryOf(name: string): string {
  return name.replace(/(:[^:/@]+)?(@.*)?$/, "");
}

function findById(text: string, { images }: StoreContent): NamedImage | undefined {
  const [, start] = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text) ?? [];
  const [image, other] = start === undefined ? [] : images.filter(({ imageId }) => imageId.startsWith(start));
  if (other !== undefined) {
    throw new SmolvmError("usage", `Cannot tell which image "${text}" is: several ids start with it`);
  }
  return image && { image };
}

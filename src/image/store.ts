import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import type { BuildahContext } from "./buildah.ts";
import { type ImageStorage, imageStorage, openStorage, type StorageLayout } from "./storage.ts";

/** The storage of images, opened to read or change its content. */
export interface Store {
  storage: ImageStorage;
  layout: StorageLayout;
  run: BuildahContext;
}

/** An image in the storage. */
export interface StoredImage {
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** The manifest's digest; empty when the storage does not have it. */
  digest: string;
  /** Full names, such as `docker.io/library/alpine:latest`; empty: a dangling image. */
  names: string[];
  /** When the image was built, ISO 8601. */
  created: string;
  /** The id of its top layer; null: none. */
  layer: string | null;
}

/** A container in the storage: smolvm's, or one of a user of buildah or podman. */
export interface StoredContainer {
  id: string;
  name: string;
  imageId: string;
  /** The id of its own layer, on top of the image's. */
  layer: string | null;
}

/** A layer of images or of a container. */
export interface StoredLayer {
  /** The id of the layer below it; null: none. */
  parent: string | null;
  /** Bytes of its files; 0 for a container's layer, unless the driver copies. */
  sizeBytes: number;
}

/** What is in a storage. */
export interface StoreContent {
  images: StoredImage[];
  containers: StoredContainer[];
  layers: ReadonlyMap<string, StoredLayer>;
}

/**
 * Opens the storage of this process.
 *
 * @throws {SmolvmError} `dependency` without buildah; `image` when buildah cannot use it.
 */
export async function openStore(): Promise<Store> {
  const storage = imageStorage();
  const run = { options: storage.options };
  return { storage, layout: await openStorage(run), run };
}

/**
 * Reads the storage's own lists, which buildah replaces atomically: buildah prints no sizes in bytes, and walking the
 * files would take long.
 *
 * @throws {SmolvmError} `image` for a list that cannot be read.
 */
export async function readStore({ layout }: Pick<Store, "layout">): Promise<StoreContent> {
  const [images, containers, layers] = await Promise.all([
    readList(layout.imagesFile, parseImage),
    readList(`${layout.containersFolder}/containers.json`, parseContainer),
    readList(layout.layersFile, parseLayer),
  ]);
  const differences = new Map(layers);
  return { images, containers, layers: layout.driver === "vfs" ? wholeCopies(differences) : differences };
}

/** The layers of the vfs driver: each, even a container's, is a full copy of the layers below plus its own files. */
function wholeCopies(differences: StoreContent["layers"]): StoreContent["layers"] {
  const content = { layers: differences };
  return new Map([...differences].map(([id, { parent }]) => {
    return [id, { parent, sizeBytes: bytesOf(layersOf([{ layer: id }], content), content) }];
  }));
}

/** The total bytes of these layers. */
export function bytesOf(layers: Iterable<string>, content: Pick<StoreContent, "layers">): number {
  let bytes = 0;
  for (const id of layers) bytes += content.layers.get(id)?.sizeBytes ?? 0;
  return bytes;
}

/** The ids of the layers that these images or containers need. */
export function layersOf(
  users: readonly Pick<StoredImage, "layer">[],
  { layers }: Pick<StoreContent, "layers">,
): Set<string> {
  const needed = new Set<string>();
  for (const { layer } of users) {
    for (let id = layer; id !== null && !needed.has(id); id = layers.get(id)?.parent ?? null) needed.add(id);
  }
  return needed;
}

/** Reads a list; a missing file means that nothing was ever stored. */
async function readList<T>(path: string, parse: (fields: Fields) => T): Promise<T[]> {
  try {
    const items = JSON.parse(await Deno.readTextFile(path));
    return new Fields({ items }, { what: "It", code: "image" }).objects("items").map(parse);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new SmolvmError("image", `Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function parseImage(fields: Fields): StoredImage {
  return {
    imageId: fields.string("id"),
    digest: stringOr(fields, "digest", ""),
    names: fields.has("names") ? fields.strings("names") : [],
    created: stringOr(fields, "created", new Date(0).toISOString()),
    layer: stringOr(fields, "layer", null),
  };
}

function parseContainer(fields: Fields): StoredContainer {
  const id = fields.string("id");
  const [name = id] = fields.has("names") ? fields.strings("names") : [];
  return { id, name, imageId: stringOr(fields, "image", ""), layer: stringOr(fields, "layer", null) };
}

function parseLayer(fields: Fields): [id: string, layer: StoredLayer] {
  const sizeBytes = fields.has("diff-size") ? fields.integer("diff-size", 0, Number.MAX_SAFE_INTEGER) : 0;
  return [fields.string("id"), { parent: stringOr(fields, "parent", null) || null, sizeBytes }];
}

/** Reads a string field; the storage omits empty fields. */
function stringOr<T>(fields: Fields, name: string, otherwise: T): string | T {
  return fields.has(name) ? fields.string(name) : otherwise;
}

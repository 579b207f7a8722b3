import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { buildah, type BuildahContext, type ProgressListener, tryBuildah } from "./buildah.ts";
import { type InspectedImage, parseInspectedImage } from "./config.ts";
import type { ImageRecord } from "./record.ts";
import type { ImageReference, LocalReference, RegistryReference, StoredReference } from "./reference.ts";
import { type FileStamp, isUnchanged, stampOf } from "./stamp.ts";

/** When an image is pulled from its registry. */
export type PullPolicy = "always" | "missing" | "never";

/** The current phase: `load` reads an archive or a folder; `prepare` is everything else. */
export type ImagePhase = "pull" | "load" | "prepare";

/** How {@linkcode findImage} gets an image. */
export interface FindOptions {
  pull: PullPolicy;
  tlsVerify?: boolean | undefined;
  onProgress?: ProgressListener | undefined;
  onPhase?: ((phase: ImagePhase) => void) | undefined;
  run: BuildahContext;
  /** The last record of the image, even if it is out of date. */
  known: ImageRecord | undefined;
  /** The storage's list of images. */
  imagesFile: string;
}

/** An image in the storage. */
export interface FoundImage {
  /** The full name that was found; for a short name, this can be an image built on this host. */
  name: string;
  image: InspectedImage;
  /** The stamp of the storage's list of images before the image was looked up. */
  images: FileStamp;
  /** The stamp of the archive or folder it was loaded from; null: a registry. */
  origin: FileStamp | null;
}

/**
 * Finds an image in the storage; pulls or loads it first if needed.
 *
 * @throws {SmolvmError} `image`, with buildah's error; `interrupted`.
 */
export function findImage(reference: ImageReference, options: FindOptions): Promise<FoundImage> {
  switch (reference.kind) {
    case "registry":
      return findPulled(reference, options);
    case "local":
      return findLoaded(reference, options);
    case "stored":
      return findStored(reference, options);
  }
}

async function findStored({ name, imageId }: StoredReference, options: FindOptions): Promise<FoundImage> {
  const found = await lookUp(imageId, name, options);
  if (!(found instanceof SmolvmError)) return { ...found, name, origin: null };
  throw new SmolvmError("image", `Cannot find image "${name}" with the id ${imageId.slice(0, 12)} in the storage`, {
    cause: found,
    hint: "It was removed, or SMOLVM_STORAGE names another storage now.",
  });
}

async function findPulled({ name, localName }: RegistryReference, options: FindOptions): Promise<FoundImage> {
  const { pull, tlsVerify, onProgress, onPhase, run } = options;
  if (pull !== "always") {
    for (const candidate of localName === undefined ? [name] : [localName, name]) {
      const found = await lookUp(candidate, candidate, options);
      if (!(found instanceof SmolvmError)) return { ...found, name: candidate, origin: null };
      if (candidate === name && pull === "never") throw found;
    }
  }
  const args = ["pull", "--policy", "always"];
  if (tlsVerify !== undefined) args.push(`--tls-verify=${tlsVerify}`);
  if (Deno.build.os !== "linux") args.push("--os", "linux"); // Guests run Linux on every host.
  onPhase?.("pull");
  await buildah([...args, name], { action: `pull image "${name}"`, onProgress, ...run });
  return { ...await mustFind(name, name, options), name, origin: null };
}

async function findLoaded({ name, changesWith }: LocalReference, options: FindOptions): Promise<FoundImage> {
  const { pull, onProgress, onPhase, run, known } = options;
  const action = `load image "${name}"`;
  await checkReadable(changesWith, action);
  // Take the stamp before reading the image, so that the next look-up notices a change in between.
  const origin = await stampOf(changesWith);
  if (pull !== "always" && known?.origin && await isUnchanged(known.origin)) {
    const found = await lookUp(known.imageId, name, options);
    if (!(found instanceof SmolvmError)) return { ...found, name, origin };
  }
  onPhase?.("load");
  const imageId = await buildah(["pull", name], { action, onProgress, ...run });
  return { ...await mustFind(imageId, name, options), name, origin };
}

/** Fails early: for some unreadable archives, buildah would leave a temporary folder behind. */
async function checkReadable(path: string, action: string): Promise<void> {
  try {
    (await Deno.open(path)).close();
  } catch (error) {
    throw new SmolvmError("image", `Cannot ${action}: "${path}": ${osReason(error)}`, { cause: error });
  }
}

type Lookup = Omit<FoundImage, "origin" | "name">;

/** Like {@linkcode lookUp}, for an image that must exist. */
async function mustFind(key: string, name: string, options: FindOptions): Promise<Lookup> {
  const found = await lookUp(key, name, options);
  if (found instanceof SmolvmError) throw found;
  return found;
}

/**
 * Looks an image up in the storage by name or id, without a registry; returns buildah's error when there is none.
 *
 * @param name the name of the image in error messages
 */
async function lookUp(key: string, name: string, { imagesFile, run }: FindOptions): Promise<Lookup | SmolvmError> {
  const action = `find image "${name}" in the storage`;
  // Take the stamp before buildah looks, so that the next look-up notices later changes.
  const images = await stampOf(imagesFile);
  const result = await tryBuildah(["inspect", "--type", "image", key], { action, ...run });
  if (!result.success) return result.error;
  return { image: parseInspectedImage(result.stdout, name), images };
}

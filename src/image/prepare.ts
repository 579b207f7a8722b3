import { folders } from "../host/folders.ts";
import { log } from "../log.ts";
import type { ProgressListener } from "./buildah.ts";
import type { ImageConfig } from "./config.ts";
import { containerName, openContainer } from "./container.ts";
import { findImage, type PullPolicy } from "./find.ts";
import { exclusively, withWorkFolder } from "./work.ts";
import { type ImageRecord, isCurrent, readRecord, writeRecord } from "./record.ts";
import type { ImageReference } from "./reference.ts";
import { type ImageStorage, imageStorage, openStorage } from "./storage.ts";

export type { PullPolicy };

/** How {@linkcode prepareImage} gets an image. */
export interface PrepareOptions {
  /** An archive or a folder is read whatever this says; `always` reads it again. */
  pull: PullPolicy;
  /** Whether the registry must show a valid certificate; default: what buildah's configuration says. */
  tlsVerify?: boolean | undefined;
  /** Is given the progress of a pull. */
  onProgress?: ProgressListener | undefined;
  /** Gives up; what was begun is ended. */
  signal?: AbortSignal | undefined;
}

/** How a runner gets at the root filesystem of an image: one for all machines of that image, never to be written to. */
export type ImageRootfs =
  /** It is this folder of the host. */
  | { kind: "mounted"; path: string }
  /** Start the runner with this in front: it finds the folder's path in that environment variable. */
  | { kind: "unshare"; command: string[]; variable: string };

/** An image ready to boot. */
export interface PreparedImage {
  /** In full, such as `docker.io/library/alpine:latest`. */
  reference: string;
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  config: ImageConfig;
  rootfs: ImageRootfs;
  /** Whether all of it was there before: nothing was pulled, loaded or mounted. */
  cached: boolean;
}

/** In the environment of what runs in buildah's user namespace: where the image is mounted there. */
const ROOTFS_VARIABLE = "SMOLVM_ROOTFS";

/**
 * Makes an image's root filesystem and configuration available, pulling or loading the image when that is needed.
 *
 * An image that was prepared before costs a few file look-ups: neither buildah nor a registry is asked.
 *
 * @throws {SmolvmError} `image` with buildah's last words; `dependency` without buildah; `storage`; `interrupted`.
 */
export async function prepareImage(reference: ImageReference, options: PrepareOptions): Promise<PreparedImage> {
  const storage = imageStorage();
  const folder = `${folders().state}/images`;
  const key = await hashOf(`${storage.key}\n${reference.kind === "stored" ? reference.imageId : reference.name}`);
  const file = `${folder}/${key}.json`;
  if (options.pull !== "always") {
    const record = await readCurrent(file);
    if (record !== undefined) return { ...toPrepared(record, storage), cached: true };
  }
  const record = await withWorkFolder(
    `${folder}/${key}`,
    options.signal,
    (temporaryFolder) => prepareAnew({ reference, options, storage, file, temporaryFolder }),
  );
  return { ...toPrepared(record, storage), cached: false };
}

async function readCurrent(file: string): Promise<ImageRecord | undefined> {
  const record = await readRecord(file);
  return record !== undefined && await isCurrent(record) ? record : undefined;
}

interface Preparation {
  reference: ImageReference;
  options: PrepareOptions;
  storage: ImageStorage;
  /** The record's file. */
  file: string;
  temporaryFolder: string;
}

/** Nobody else prepares this image meanwhile. */
async function prepareAnew({ reference, options, storage, file, temporaryFolder }: Preparation): Promise<ImageRecord> {
  const known = await readRecord(file);
  // Whoever was at it before us may have been after the same.
  if (options.pull !== "always" && known !== undefined && await isCurrent(known)) return known;
  log("debug", `Preparing image "${reference.name}"`);
  const { signal } = options;
  const run = { options: storage.options, signal, temporaryFolder };
  const { imagesFile, containersFolder } = await openStorage(run);
  const { name, image, images, origin } = await findImage(reference, { ...options, run, known, imagesFile });
  // Two references can be the same image.
  const lock = `${file.slice(0, file.lastIndexOf("/"))}/${containerName(image)}`;
  const container = await exclusively(lock, signal, () => openContainer(image, { containersFolder, run }));
  const record = { reference: name, ...image, container, images, origin };
  await writeRecord(file, record);
  return record;
}

function toPrepared({ container, ...record }: ImageRecord, { options }: ImageStorage): Omit<PreparedImage, "cached"> {
  const { reference, imageId, digest, config } = record;
  const mount = `${ROOTFS_VARIABLE}=${container.name}`;
  const rootfs: ImageRootfs = container.rootfs !== null ? { kind: "mounted", path: container.rootfs.path } : {
    kind: "unshare",
    command: ["buildah", ...options, "unshare", "--mount", mount, "--"],
    variable: ROOTFS_VARIABLE,
  };
  return { reference, imageId, digest, config, rootfs };
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 32);
}

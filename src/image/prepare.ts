import { SmolvmError } from "../errors.ts";
import { log } from "../log.ts";
import type { Lock } from "../state/lock.ts";
import type { ProgressListener } from "./buildah.ts";
import type { ImageConfig } from "./config.ts";
import { holdContainer, openContainer } from "./container.ts";
import { containerLock, recordFile } from "./files.ts";
import { findImage, type FindOptions, type ImagePhase, type PullPolicy } from "./find.ts";
import { type ImageRecord, isCurrent, readRecord, writeRecord } from "./record.ts";
import type { ImageReference } from "./reference.ts";
import { isUnchanged, stampOf } from "./stamp.ts";
import { type ImageStorage, imageStorage, openStorage, type StorageLayout } from "./storage.ts";
import { exclusively, withWorkFolder } from "./work.ts";

export type { PullPolicy };

/** How {@linkcode prepareImage} gets an image. */
export interface PrepareOptions {
  /** An archive or a folder is read whatever this says; `always` reads it again. */
  pull: PullPolicy;
  /** Whether the registry must show a valid certificate; default: what buildah's configuration says. */
  tlsVerify?: boolean | undefined;
  /** Is given the progress of a pull. */
  onProgress?: ProgressListener | undefined;
  /** Is told what begins; nothing of an image that was prepared before. */
  onPhase?: ((phase: ImagePhase) => void) | undefined;
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
  /** Keeps other smolvms from removing it until it is disposed of: until its machine is there for them to see. */
  hold: Disposable;
}

/** In the environment of what runs in buildah's user namespace: where the image is mounted there. */
const ROOTFS_VARIABLE = "SMOLVM_ROOTFS";

/** How often an image is looked for that others remove meanwhile. */
const ATTEMPTS = 3;

/**
 * Makes an image's root filesystem and configuration available, pulling or loading the image when that is needed.
 *
 * An image that was prepared before costs a few file look-ups: neither buildah nor a registry is asked.
 *
 * @throws {SmolvmError} `image` with buildah's last words; `dependency` without buildah; `storage`; `interrupted`.
 */
export async function prepareImage(reference: ImageReference, options: PrepareOptions): Promise<PreparedImage> {
  const storage = imageStorage();
  const file = await recordFile(reference, storage);
  if (options.pull !== "always") {
    const held = await holdCurrent(await readRecord(file));
    if (held !== undefined) return { ...toPrepared(held, storage), cached: true };
  }
  options.onPhase?.("prepare");
  const held = await withWorkFolder(
    file.slice(0, -".json".length),
    options.signal,
    (temporaryFolder) => prepareAnew({ reference, options, storage, file, temporaryFolder }),
  );
  return { ...toPrepared(held, storage), cached: false };
}

/** A record that holds, and goes on to as long as `hold` does. */
interface HeldRecord {
  record: ImageRecord;
  hold: Lock;
}

async function holdCurrent(record: ImageRecord | undefined): Promise<HeldRecord | undefined> {
  // Before it is looked at: nobody removes it afterwards.
  const hold = record && holdContainer(record.container);
  if (record === undefined || hold === undefined) return undefined;
  if (await isCurrent(record)) return { record, hold };
  hold[Symbol.dispose]();
  return undefined;
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
async function prepareAnew({ reference, options, storage, file, temporaryFolder }: Preparation): Promise<HeldRecord> {
  const known = await readRecord(file);
  // Whoever was at it before us may have been after the same.
  const held = options.pull === "always" ? undefined : await holdCurrent(known);
  if (held !== undefined) return held;
  log("debug", `Preparing image "${reference.name}"`);
  const run = { options: storage.options, signal: options.signal, temporaryFolder };
  const layout = await openStorage(run);
  const prepared = await makeReady(reference, { ...options, run, known, imagesFile: layout.imagesFile }, layout);
  await writeRecord(file, prepared.record);
  return prepared;
}

async function makeReady(
  reference: ImageReference,
  options: FindOptions,
  layout: StorageLayout,
  attempts = ATTEMPTS,
): Promise<HeldRecord> {
  const { run } = options;
  const before = await stampOf(layout.imagesFile);
  try {
    const { name, image, images, origin } = await findImage(reference, options);
    options.onPhase?.("prepare");
    // Two references can be the same image.
    return await exclusively(containerLock(image), run.signal, async () => {
      const container = await openContainer(image, { containersFolder: layout.containersFolder, run });
      const hold = holdContainer(container);
      if (hold !== undefined) return { record: { reference: name, ...image, container, images, origin }, hold };
      throw new SmolvmError("image", `Cannot use the working container "${container.name}": it is gone again`);
    });
  } catch (error) {
    // Nobody holds an image that has no container yet: it may have been removed since it was pulled or found.
    if (attempts === 1 || await isUnchanged(before)) throw error;
    return await makeReady(reference, options, layout, attempts - 1);
  }
}

function toPrepared({ record, hold }: HeldRecord, { options }: ImageStorage): Omit<PreparedImage, "cached"> {
  const { reference, imageId, digest, config, container } = record;
  const mount = `${ROOTFS_VARIABLE}=${container.name}`;
  const rootfs: ImageRootfs = container.rootfs !== null ? { kind: "mounted", path: container.rootfs.path } : {
    kind: "unshare",
    command: ["buildah", ...options, "unshare", "--mount", mount, "--"],
    variable: ROOTFS_VARIABLE,
  };
  return { reference, imageId, digest, config, rootfs, hold };
}

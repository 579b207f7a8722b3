import { SmolvmError } from "../errors.ts";
import type { Lock } from "../host/lock.ts";
import { log } from "../log.ts";
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
  /** For an archive or a folder, `always` reads it again; the other policies read it when needed. */
  pull: PullPolicy;
  /** Whether the registry must show a valid certificate; default: buildah's configuration. */
  tlsVerify?: boolean | undefined;
  /** Receives the progress of a pull. */
  onProgress?: ProgressListener | undefined;
  /** Called when a phase begins; not for an image that was prepared before. */
  onPhase?: ((phase: ImagePhase) => void) | undefined;
  /** Cancels the preparation and ends what it started. */
  signal?: AbortSignal | undefined;
}

/** How a runner gets the root filesystem of an image. All machines of the image share it: never write to it. */
export type ImageRootfs =
  /** The root filesystem is a folder of the host. */
  | { kind: "mounted"; path: string }
  /** Prefix the runner's command with this; the environment variable then holds the folder's path. */
  | { kind: "unshare"; command: string[]; variable: string };

/** An image ready to boot. */
export interface PreparedImage {
  /** The full name, such as `docker.io/library/alpine:latest`. */
  reference: string;
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  config: ImageConfig;
  rootfs: ImageRootfs;
  /** Whether nothing had to be pulled, loaded or mounted. */
  cached: boolean;
  /** Keeps other processes from removing the image; hold it until they can see its machine. */
  hold: Disposable;
}

/** The environment variable with the image's mount point in buildah's user namespace. */
const ROOTFS_VARIABLE = "SMOLVM_ROOTFS";

/** How many times to try if other processes remove the image in between. */
const ATTEMPTS = 3;

/**
 * Prepares an image's root filesystem and configuration; pulls or loads the image if needed.
 *
 * For an image that was prepared before, this takes a few file look-ups and needs neither buildah nor a registry.
 *
 * @throws {SmolvmError} `image` with buildah's error; `dependency` without buildah; `storage`; `interrupted`.
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
    (temporaryFolder) => prepareUncached({ reference, options, storage, file, temporaryFolder }),
  );
  return { ...toPrepared(held, storage), cached: false };
}

/** A current record; it stays current while `hold` is held. */
interface HeldRecord {
  record: ImageRecord;
  hold: Lock;
}

async function holdCurrent(record: ImageRecord | undefined): Promise<HeldRecord | undefined> {
  // Lock before the check, so that no process removes the container after it.
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

/** The caller holds the lock for preparing this image. */
async function prepareUncached(
  { reference, options, storage, file, temporaryFolder }: Preparation,
): Promise<HeldRecord> {
  const known = await readRecord(file);
  // Another process may have prepared the image while this process waited for the lock.
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
    // Lock by image id: another reference to the same image may be prepared concurrently.
    return await exclusively(containerLock(image), run.signal, async () => {
      const container = await openContainer(image, { containersFolder: layout.containersFolder, run });
      const hold = holdContainer(container);
      if (hold !== undefined) return { record: { reference: name, ...image, container, images, origin }, hold };
      throw new SmolvmError("image", `Cannot use the working container "${container.name}": it is gone again`);
    });
  } catch (error) {
    // Without a container, nothing protects the image: another process may have removed it since it was found.
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

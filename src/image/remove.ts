import { SmolvmError } from "../errors.ts";
import { exists, makeFolder, removeIfThere } from "../host/files.ts";
import { type Lock, lockFolderSync } from "../host/lock.ts";
import { sleep } from "../host/sleep.ts";
import { buildah, tryBuildah } from "./buildah.ts";
import { containerName } from "./container.ts";
import { containerLock, imagesFolder } from "./files.ts";
import { findStored } from "./lookup.ts";
import { listRecords } from "./record.ts";
import { readStore, type Store, type StoreContent, type StoredContainer, type StoredImage } from "./store.ts";
import { checkUnused } from "./users.ts";
import { exclusively } from "./work.ts";

/** How long to wait for a process that holds the image until other processes can see its machine. */
const PATIENCE_MS = 10_000;
const POLL_MS = 50;

/** How an image is removed. */
export interface RemoveImageOptions {
  /** Remove it with all its names, even if stopped machines need it. */
  force: boolean;
}

/** The result of a removal. */
export interface Removal {
  /** Names that were removed. */
  untagged: string[];
  /** Ids of images that were removed. */
  deleted: string[];
}

/**
 * Removes an image by name or id, with its working container. For an image with several names, removes only the name.
 *
 * @throws {SmolvmError} `machine-state` with the machines that use it; `no-image`; `image` when it cannot be removed;
 * `usage` for the id of an image with several names, which is not changed then.
 */
export async function removeImage(text: string, store: Store, { force }: RemoveImageOptions): Promise<Removal> {
  const { image, name } = await findStored(text, await readStore(store), store);
  const { names } = image;
  if (names.length > 1 && name !== undefined) {
    await buildah(["rmi", name], { action: `remove the name "${name}"`, ...store.run });
    return { untagged: [name], deleted: [] };
  }
  if (names.length > 1 && !force) {
    throw new SmolvmError("usage", `Cannot remove image "${text}": it has the names ${names.join(", ")}`, {
      hint: "Name one of them, or remove all with --force.",
    });
  }
  return await deleteImage(image, store, { force });
}

/**
 * Removes an image with all its names and its working container.
 *
 * @throws {SmolvmError} like {@linkcode removeImage}.
 */
export async function deleteImage(image: StoredImage, store: Store, { force }: RemoveImageOptions): Promise<Removal> {
  const { imageId, names } = image;
  const name = names[0] ?? imageId.slice(0, 12);
  return await withoutUsers(image, store, () => checkUnused(imageId, name, { force }), async (before) => {
    const foreign = before.containers.filter((container) => container.imageId === imageId && !isOurs(container));
    if (foreign.length > 0) {
      const holders = foreign.map((container) => `"${container.name}"`).join(", ");
      throw new SmolvmError(
        "image",
        `Cannot remove image "${name}": the container ${holders} of buildah or podman uses it`,
      );
    }
    await removeContainers(before.containers.filter((container) => container.imageId === imageId), store);
    // Remove it by id if possible: the name may belong to another image by now.
    const keys = names.length > 1 ? names : [imageId];
    const result = await tryBuildah(["rmi", ...keys], { action: `remove image "${name}"`, ...store.run });
    const after = await readStore(store);
    await forgetGone(after, store);
    const left = new Set(after.images.map((image) => image.imageId));
    // After the image, buildah removes dangling parent images, and fails when one of them is in use.
    if (left.has(imageId) && !result.success) throw result.error;
    const deleted = before.images.map((image) => image.imageId).filter((id) => !left.has(id));
    return { untagged: names, deleted };
  });
}

/**
 * Removes the working container of an image and keeps the image; its next machine takes a moment longer to start.
 *
 * @throws {SmolvmError} `machine-state` when a machine uses it.
 */
export async function removePrepared(container: StoredContainer, store: Store): Promise<void> {
  const check = () => checkUnused(container.imageId, container.name, { force: false });
  await withoutUsers(container, store, check, () => removeContainers([container], store));
}

/** Whether a container is smolvm's working container of its image. */
export function isOurs({ name, imageId }: StoredContainer): boolean {
  return name === containerName({ imageId });
}

/** Removes the records of images that are no longer in this storage. */
export async function forgetGone({ images }: StoreContent, { layout }: Store): Promise<void> {
  const left = new Set(images.map(({ imageId }) => imageId));
  for (const { path, record } of await listRecords(imagesFolder())) {
    if (record.images.path === layout.imagesFile && !left.has(record.imageId)) await removeIfThere(path);
  }
}

/** Runs `act` while no process prepares the image and no machine that `check` refuses starts or runs. */
async function withoutUsers<T>(
  image: Pick<StoredImage, "imageId">,
  store: Store,
  check: () => void,
  act: (content: StoreContent) => Promise<T>,
): Promise<T> {
  check(); // Fail early, before waiting for locks.
  await makeFolder(imagesFolder());
  return await exclusively(containerLock(image), undefined, async () => {
    const content = await readStore(store);
    const container = content.containers.find((container) => container.imageId === image.imageId && isOurs(container));
    using _ = container && await lockContainer(`${store.layout.containersFolder}/${container.id}`, check);
    // Check again: a machine that has just started is visible by now.
    check();
    return await act(content);
  });
}

/** Locks a container exclusively; waits until each holder has released it or `check` sees its machine. */
async function lockContainer(folder: string, check: () => void): Promise<Lock | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  while (exists(folder)) {
    const lock = lockFolderSync(folder, { exclusive: true });
    if (lock !== undefined) return lock;
    check();
    if (performance.now() > deadline) {
      throw new SmolvmError("machine-state", "Cannot remove the image: another smolvm is about to use it");
    }
    await sleep(POLL_MS);
  }
}

async function removeContainers(containers: StoredContainer[], { run }: Store): Promise<void> {
  for (const { name } of containers) {
    await buildah(["rm", name], { action: `remove the working container "${name}"`, ...run });
  }
}

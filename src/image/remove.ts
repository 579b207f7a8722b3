import { SmolvmError } from "../errors.ts";
import { exists, makeFolder, removeIfThere } from "../host/files.ts";
import { type Lock, lockFolderSync } from "../state/lock.ts";
import { buildah, tryBuildah } from "./buildah.ts";
import { containerName } from "./container.ts";
import { containerLock, imagesFolder } from "./files.ts";
import { findStored } from "./lookup.ts";
import { listRecords } from "./record.ts";
import { readStore, type Store, type StoreContent, type StoredContainer, type StoredImage } from "./store.ts";
import { checkUnused } from "./users.ts";
import { exclusively } from "./work.ts";

/** How long whoever holds an image may take until its machine is there to see. */
const PATIENCE_MS = 10_000;
const POLL_MS = 50;

/** How an image is removed. */
export interface RemoveOptions {
  /** Also when machines that do not run need it, and with all its names. */
  force: boolean;
}

/** What came of it. */
export interface Removal {
  /** Names that are gone. */
  untagged: string[];
  /** Ids of images that are gone. */
  deleted: string[];
}

/**
 * Removes an image by name or id, with what smolvm prepared of it; of an image with several names, only the name.
 *
 * @throws {SmolvmError} `machine-state` with the machines that use it; `no-image`; `image` when it cannot be removed;
 * `usage` for an id of several names; nothing was changed then.
 */
export async function removeImage(text: string, store: Store, { force }: RemoveOptions): Promise<Removal> {
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
 * Removes an image with all its names and what smolvm prepared of it.
 *
 * @throws {SmolvmError} like {@linkcode removeImage}.
 */
export async function deleteImage(image: StoredImage, store: Store, { force }: RemoveOptions): Promise<Removal> {
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
    // By its id where that will do: a name can be another image's by now.
    const keys = names.length > 1 ? names : [imageId];
    const result = await tryBuildah(["rmi", ...keys], { action: `remove image "${name}"`, ...store.run });
    const after = await readStore(store);
    await forgetGone(after, store);
    const left = new Set(after.images.map((image) => image.imageId));
    // buildah goes on to dangling images below it, and fails when somebody uses them.
    if (left.has(imageId) && !result.success) throw result.error;
    const deleted = before.images.map((image) => image.imageId).filter((id) => !left.has(id));
    return { untagged: names, deleted };
  });
}

/**
 * Removes what was prepared of an image, which itself stays; its next machine takes a moment longer to start.
 *
 * @throws {SmolvmError} `machine-state` when a machine uses it by now.
 */
export async function removePrepared(container: StoredContainer, store: Store): Promise<void> {
  const check = () => checkUnused(container.imageId, container.name, { force: false });
  await withoutUsers(container, store, check, () => removeContainers([container], store));
}

/** Whether smolvm made a container, for all the machines of its image. */
export function isOurs({ name, imageId }: StoredContainer): boolean {
  return name === containerName({ imageId });
}

/** Removes the records of images that are in this storage no more. */
export async function forgetGone({ images }: StoreContent, { layout }: Store): Promise<void> {
  const left = new Set(images.map(({ imageId }) => imageId));
  for (const { path, record } of await listRecords(imagesFolder())) {
    if (record.images.path === layout.imagesFile && !left.has(record.imageId)) await removeIfThere(path);
  }
}

/** Does something to an image while nobody prepares it, and no machine starts or runs that `check` objects to. */
async function withoutUsers<T>(
  image: Pick<StoredImage, "imageId">,
  store: Store,
  check: () => void,
  act: (content: StoreContent) => Promise<T>,
): Promise<T> {
  check(); // Before anything is waited for.
  await makeFolder(imagesFolder());
  return await exclusively(containerLock(image), undefined, async () => {
    const content = await readStore(store);
    const container = content.containers.find((container) => container.imageId === image.imageId && isOurs(container));
    using _ = container && await lockContainer(`${store.layout.containersFolder}/${container.id}`, check);
    // A machine that has just started is there to see by now.
    check();
    return await act(content);
  });
}

/** Takes a container from those who hold it; waits until the machine of whoever does is there to see, or they gave up. */
async function lockContainer(folder: string, check: () => void): Promise<Lock | undefined> {
  const deadline = performance.now() + PATIENCE_MS;
  while (exists(folder)) {
    const lock = lockFolderSync(folder, { exclusive: true });
    if (lock !== undefined) return lock;
    check();
    if (performance.now() > deadline) {
      throw new SmolvmError("machine-state", "Cannot remove the image: another smolvm is about to use it");
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function removeContainers(containers: StoredContainer[], { run }: Store): Promise<void> {
  for (const { name } of containers) {
    await buildah(["rm", name], { action: `remove the working container "${name}"`, ...run });
  }
}

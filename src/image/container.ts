import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type Lock, lockFolderSync } from "../host/lock.ts";
import { log } from "../log.ts";
import { buildah, type BuildahContext, tryBuildah } from "./buildah.ts";
import type { InspectedImage } from "./config.ts";

/** The working container of an image; all machines of the image share its root filesystem. */
export interface WorkingContainer {
  name: string;
  /** A folder in the storage that exists exactly while the container does. */
  folder: string;
  /** Its root filesystem on this host; null: it is mounted for each machine, in buildah's user namespace only. */
  rootfs: Rootfs | null;
}

/** The root filesystem of a container, as a folder of this host. */
export interface Rootfs {
  path: string;
  /** Whether `path` is a mount point; with the vfs driver it is a plain folder. */
  isMountPoint: boolean;
}

/** Whether a container is still usable: not removed, not unmounted, not lost in a reboot. */
export async function isReady({ folder, rootfs }: WorkingContainer): Promise<boolean> {
  const facts = [isThere(folder)];
  if (rootfs !== null) facts.push(rootfs.isMountPoint ? isMountPoint(rootfs.path) : isThere(rootfs.path));
  return (await Promise.all(facts)).every((holds) => holds);
}

/**
 * Takes a shared lock that keeps other processes from removing a container; `undefined` when the container is gone or
 * is being removed.
 *
 * @throws {SmolvmError} `storage`.
 */
export function holdContainer({ folder }: WorkingContainer): Lock | undefined {
  return lockFolderSync(folder, { exclusive: false });
}

/** Where containers are made and how buildah is called. */
export interface ContainerOptions {
  /** Folder of the storage that holds one folder for each container. */
  containersFolder: string;
  run: BuildahContext;
}

/** The name of an image's working container. */
export function containerName({ imageId }: Pick<InspectedImage, "imageId">): string {
  return `smolvm-${imageId.slice(0, 16)}`;
}

/** Whether this process can use the storage's folders. On macOS nothing is mounted, and the user owns the files. */
const seesStorage = () => Deno.build.os === "darwin" || Deno.uid() === 0;

/**
 * Finds or makes the container of an image, and mounts it if possible. The caller must hold a lock that keeps other
 * processes from making the same container.
 *
 * @throws {SmolvmError} `image` with buildah's error; a new container that cannot be used is removed.
 */
export async function openContainer(image: InspectedImage, options: ContainerOptions): Promise<WorkingContainer> {
  const name = containerName(image);
  const existing = await inspectContainer(name, options.run);
  if (existing !== undefined) return await useContainer(existing, image, options);
  const from = ["from", "--pull-never", "--name", name, image.imageId];
  await buildah(from, { action: `make the working container "${name}"`, ...options.run });
  try {
    const made = await inspectContainer(name, options.run);
    if (made === undefined) {
      throw new SmolvmError("image", `Cannot use the working container "${name}": it is gone again`);
    }
    return await useContainer(made, image, options);
  } catch (error) {
    await removeContainer(name, options.run);
    throw error;
  }
}

async function useContainer(
  { name, id, imageId, mountPoint }: InspectedContainer,
  image: InspectedImage,
  { containersFolder, run }: ContainerOptions,
): Promise<WorkingContainer> {
  if (imageId !== image.imageId) {
    throw new SmolvmError("image", `Cannot use the working container "${name}": it belongs to another image`, {
      hint: `Remove it: buildah rm ${name}`,
    });
  }
  const rootfs = seesStorage() ? await mount(name, mountPoint, run) : null;
  return { name, folder: `${containersFolder}/${id}`, rootfs };
}

interface InspectedContainer {
  name: string;
  id: string;
  imageId: string;
  /** Where buildah mounted it last; empty: not mounted. */
  mountPoint: string;
}

async function inspectContainer(name: string, run: BuildahContext): Promise<InspectedContainer | undefined> {
  const action = `inspect the working container "${name}"`;
  const result = await tryBuildah(["inspect", "--type", "container", name], { action, ...run });
  // buildah fails for a missing container and for a broken one. Making the container then shows which it was.
  if (!result.success) return undefined;
  try {
    const fields = new Fields(JSON.parse(result.stdout), { what: `Container "${name}"`, code: "image" });
    return {
      name,
      id: fields.string("ContainerID"),
      imageId: fields.string("FromImageID"),
      mountPoint: fields.string("MountPoint"),
    };
  } catch (error) {
    throw new SmolvmError("image", `Cannot ${action}: ${messageOf(error)}`, { cause: error });
  }
}

async function mount(name: string, known: string, run: BuildahContext): Promise<Rootfs> {
  // buildah counts mounts, and unmounts only when the count is zero: do not mount twice.
  if (known !== "" && await isMountPoint(known)) return { path: known, isMountPoint: true };
  const path = await buildah(["mount", name], { action: `mount the working container "${name}"`, ...run });
  return { path, isMountPoint: await isMountPoint(path) };
}

/** A mount point has another device number than its parent. */
async function isMountPoint(path: string): Promise<boolean> {
  const [inside, outside] = await Promise.all([deviceOf(path), deviceOf(`${path}/..`)]);
  return inside !== undefined && inside !== outside;
}

async function isThere(path: string): Promise<boolean> {
  return await deviceOf(path) !== undefined;
}

/** `undefined` for a missing file, or a FUSE mount whose server died. */
async function deviceOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

async function removeContainer(name: string, run: BuildahContext): Promise<void> {
  const action = `remove the working container "${name}"`;
  // Do not pass the signal on: the user's interrupt may be the reason for the removal.
  const result = await tryBuildah(["rm", name], { action, ...run, signal: undefined });
  // Only log this error: the caller throws the first one, which matters more.
  if (!result.success) log("debug", result.error.message);
}

import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { log } from "../log.ts";
import { type Lock, lockFolderSync } from "../state/lock.ts";
import { buildah, type BuildahContext, tryBuildah } from "./buildah.ts";
import type { InspectedImage } from "./config.ts";

/** The one working container of an image, whose root filesystem all its machines share. */
export interface WorkingContainer {
  name: string;
  /** Folder in the storage that is there as long as the container is. */
  folder: string;
  /** Where its root filesystem is on this host; null: only in buildah's user namespace, mounted there each time. */
  rootfs: Rootfs | null;
}

/** The root filesystem of a container, as a folder of this host. */
export interface Rootfs {
  path: string;
  /** Whether it is mounted there; with the vfs driver it is a plain folder. */
  isMountPoint: boolean;
}

/** Whether a container is as it was: not removed, not unmounted, not lost in a reboot. */
export async function isReady({ folder, rootfs }: WorkingContainer): Promise<boolean> {
  const facts = [exists(folder)];
  if (rootfs !== null) facts.push(rootfs.isMountPoint ? isMountPoint(rootfs.path) : exists(rootfs.path));
  return (await Promise.all(facts)).every((holds) => holds);
}

/**
 * Keeps other smolvms from removing a container until it is disposed of; `undefined` when it is gone, or one of them is
 * removing it.
 *
 * @throws {SmolvmError} `storage`.
 */
export function holdContainer({ folder }: WorkingContainer): Lock | undefined {
  return lockFolderSync(folder, { exclusive: false });
}

/** Where containers are made and how buildah is called for it. */
export interface ContainerOptions {
  /** Folder of the storage that holds one folder for each container. */
  containersFolder: string;
  run: BuildahContext;
}

/** The name of an image's working container. */
export function containerName({ imageId }: Pick<InspectedImage, "imageId">): string {
  return `smolvm-${imageId.slice(0, 16)}`;
}

/** Whether this process may use the storage's folders itself. On macOS nothing is mounted, and files are the user's. */
const seesStorage = () => Deno.build.os === "darwin" || Deno.uid() === 0;

/**
 * Makes the container of an image, or finds it, and mounts it where that is possible. The caller holds a lock that
 * keeps others from making the same one.
 *
 * @throws {SmolvmError} `image` with buildah's words; a container that was made and cannot be used is removed again.
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
  /** Where buildah mounted it last; empty: nowhere. */
  mountPoint: string;
}

async function inspectContainer(name: string, run: BuildahContext): Promise<InspectedContainer | undefined> {
  const action = `inspect the working container "${name}"`;
  const result = await tryBuildah(["inspect", "--type", "container", name], { action, ...run });
  // It fails for a container that does not exist and for one that is broken; making it tells them apart.
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
  // buildah counts mounts, and unmounts only when each was undone: no second one.
  if (known !== "" && await isMountPoint(known)) return { path: known, isMountPoint: true };
  const path = await buildah(["mount", name], { action: `mount the working container "${name}"`, ...run });
  return { path, isMountPoint: await isMountPoint(path) };
}

/** A mounted file system has a device number of its own. */
async function isMountPoint(path: string): Promise<boolean> {
  const [inside, outside] = await Promise.all([deviceOf(path), deviceOf(`${path}/..`)]);
  return inside !== undefined && inside !== outside;
}

async function exists(path: string): Promise<boolean> {
  return await deviceOf(path) !== undefined;
}

/** `undefined` for what is not there, or is a mount whose server died. */
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
  // Also when it was the user's interrupt that ended what came before.
  const result = await tryBuildah(["rm", name], { action, ...run, signal: undefined });
  // The error that led here matters more.
  if (!result.success) log("debug", result.error.message);
}

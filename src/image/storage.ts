import { messageOf, SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { absolute } from "../host/path.ts";
import { buildah, type BuildahContext } from "./buildah.ts";

/** The storage in which buildah keeps images and working containers. */
export interface ImageStorage {
  /** The global options of buildah that select it. */
  options: string[];
  /** Identifies the storage: all settings of this host that decide which storage buildah uses. */
  key: string;
}

/** A case-sensitive volume. krunvm uses the same name, so its users already have the volume. */
const MACOS_STORAGE = "/Volumes/krunvm";

/** Variables that select buildah's storage when no folder is given. */
const STORAGE_VARIABLES = ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER"];

/**
 * Returns the storage of this process: `SMOLVM_STORAGE`, otherwise buildah's default; on macOS, a dedicated volume.
 *
 * @throws {SmolvmError} `dependency` without that volume.
 */
export function imageStorage(): ImageStorage {
  const folder = storageFolder();
  const options = folder === undefined ? [] : ["--root", `${folder}/root`, "--runroot", `${folder}/runroot`];
  const variables = STORAGE_VARIABLES.map((name) => `${name}=${Deno.env.get(name) ?? ""}`);
  return { options, key: JSON.stringify([...options, ...variables, Deno.uid()]) };
}

/**
 * Returns the folder of the storage; `undefined` for buildah's default.
 *
 * @throws {SmolvmError} `dependency` without the volume on macOS.
 */
export function storageFolder(): string | undefined {
  const folder = Deno.env.get("SMOLVM_STORAGE");
  if (folder !== undefined && folder !== "") return absolute(folder);
  if (Deno.build.os !== "darwin") return undefined;
  try {
    Deno.statSync(MACOS_STORAGE);
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot find the volume "${MACOS_STORAGE}" for images`, {
      cause: error,
      hint: 'Make it once: diskutil apfs addVolume disk1 "Case-sensitive APFS" krunvm; or set SMOLVM_STORAGE.',
    });
  }
  return MACOS_STORAGE;
}

/** The paths in a storage. */
export interface StorageLayout {
  /** The folder of the storage. */
  root: string;
  /** Storage driver, such as `overlay` or `vfs`. */
  driver: string;
  /** The list of all images. */
  imagesFile: string;
  /** The list of all layers. */
  layersFile: string;
  /** Contains a folder for each container, and the list of containers. */
  containersFolder: string;
}

/**
 * Asks buildah where its storage is.
 *
 * @throws {SmolvmError} `image` when buildah cannot use it.
 */
export async function openStorage(run: BuildahContext): Promise<StorageLayout> {
  const action = "open the storage of images";
  const json = await buildah(["info"], { action, ...run });
  try {
    const store = new Fields(JSON.parse(json), { what: "buildah's output", code: "image" }).object("store");
    const [root, driver] = [store.string("GraphRoot"), store.string("GraphDriverName")];
    return {
      root,
      driver,
      imagesFile: `${root}/${driver}-images/images.json`,
      layersFile: `${root}/${driver}-layers/layers.json`,
      containersFolder: `${root}/${driver}-containers`,
    };
  } catch (error) {
    throw new SmolvmError("image", `Cannot ${action}: ${messageOf(error)}`, { cause: error });
  }
}

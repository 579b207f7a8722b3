import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";

/** The settings of an image for the command to run in it. */
export interface ImageConfig {
  /** Start of the command. */
  entrypoint: string[];
  /** The rest of the command, unless the user gives one. */
  cmd: string[];
  /** `KEY=VALUE` each. */
  env: string[];
  /** `name|uid[:group|gid]`; empty: root. */
  user: string;
  /** Absolute path; empty: `/`. */
  workingDir: string;
  /** Name or number of the signal that asks the command to end; empty: SIGTERM. */
  stopSignal: string;
}

/** The settings of an image that has none, and of a folder. */
export const EMPTY_IMAGE_CONFIG: ImageConfig = {
  entrypoint: [],
  cmd: [],
  env: [],
  user: "",
  workingDir: "",
  stopSignal: "",
};

/** An image in the storage, as buildah describes it. */
export interface InspectedImage {
  /** Hexadecimal, 64 digits. */
  imageId: string;
  /** The manifest's: `sha256:` and 64 hexadecimal digits. */
  digest: string;
  config: ImageConfig;
}

/** The details of an image that buildah reports and users may want to know. */
export interface ImageDescription extends InspectedImage {
  /** The operating system, such as `linux`. */
  os: string;
  /** The processor architecture, such as `amd64`. */
  architecture: string;
  labels: Record<string, string>;
  /** The digests of its uncompressed layers, the lowest first. */
  layers: string[];
}

/** The OCI names of Deno's architectures. */
const ARCHITECTURES = { x86_64: "amd64", aarch64: "arm64" } as const;

/**
 * Reads the output of `buildah inspect --type image`.
 *
 * @param name the name of the image in error messages
 * @throws {SmolvmError} `image` when the image is not for this host, or the output is invalid.
 */
export function parseInspectedImage(json: string, name: string, arch = Deno.build.arch): InspectedImage {
  const { imageId, digest, config, os, architecture } = parseDescription(json, name);
  const platform = `${os}/${architecture}`;
  const expected = `linux/${ARCHITECTURES[arch]}`;
  if (platform !== expected) {
    throw new SmolvmError("image", `Cannot run image "${name}": it is for ${platform}, this host runs ${expected}`);
  }
  return { imageId, digest, config };
}

/**
 * Like {@linkcode parseInspectedImage}, for an image of any platform.
 *
 * @throws {SmolvmError} `image` when the output is invalid.
 */
export function parseDescription(json: string, name: string): ImageDescription {
  const image = new Fields(parseJson(json, name), { what: `Image "${name}"`, code: "image" });
  const imageId = hexId(image.string("FromImageID"), name);
  const digest = image.string("FromImageDigest");
  const oci = image.object("OCIv1");
  const [os, architecture] = [oci.string("os"), oci.string("architecture")];
  const fields = oci.has("config") ? oci.object("config") : undefined;
  const config = fields === undefined ? EMPTY_IMAGE_CONFIG : parseConfig(fields);
  const labels = fields?.has("Labels") ? fields.stringMap("Labels") : {};
  const rootfs = oci.has("rootfs") ? oci.object("rootfs") : undefined;
  const layers = rootfs?.has("diff_ids") ? rootfs.strings("diff_ids") : [];
  return { imageId, digest, config, os, architecture, labels, layers };
}

/** Checks an image id, which becomes part of file names and commands. */
function hexId(id: string, name: string): string {
  if (/^[0-9a-f]{64}$/.test(id)) return id;
  throw new SmolvmError("image", `Cannot use image "${name}": "${id}" is not an image id`);
}

function parseJson(json: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SmolvmError("image", `Cannot parse the output of buildah about image "${name}"`, { cause: error });
  }
}

/** Parses the config object of the OCI image specification; an empty field may be missing or null. */
function parseConfig(config: Fields): ImageConfig {
  const string = (name: string) => config.has(name) ? config.string(name) : "";
  const strings = (name: string) => config.has(name) ? config.strings(name) : [];
  const entrypoint = strings("Entrypoint");
  return {
    // An image removes the entrypoint of its base image with one empty word.
    entrypoint: entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint,
    cmd: strings("Cmd"),
    // An entry without a name or a value sets nothing.
    env: strings("Env").filter((variable) => variable.indexOf("=") > 0),
    user: string("User"),
    workingDir: string("WorkingDir"),
    stopSignal: string("StopSignal"),
  };
}

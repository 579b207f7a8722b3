import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { absolute } from "../host/path.ts";

/** An image in a registry, or pulled from one before. */
export interface RegistryReference {
  kind: "registry";
  /** The full name, such as `docker.io/library/alpine:latest` or `localhost:5000/app@sha256:...`. */
  name: string;
  /** For a short name: the image built on this host (`localhost/alpine:latest`), preferred if it is in the storage. */
  localName?: string;
}

/** An image in a file or folder of this host. */
export interface LocalReference {
  kind: "local";
  /** With its transport and an absolute path, such as `oci-archive:/images/app.tar`. */
  name: string;
  /** The file that changes when the image does. */
  changesWith: string;
}

/** An image that was resolved before; its name may mean another image now. */
export interface StoredReference {
  kind: "stored";
  /** The name that was resolved. */
  name: string;
  /** Hexadecimal, 64 digits. */
  imageId: string;
}

/** Where an image comes from. */
export type ImageReference = RegistryReference | LocalReference | StoredReference;

/** The resolved SOURCE of a machine. */
export type Source = { kind: "folder"; path: string } | { kind: "image"; reference: SourceReference };
type SourceReference = RegistryReference | LocalReference;

/** The transports of images on this host, and the file of each that changes when the image does. */
const LOCAL_TRANSPORTS: Record<string, (path: string) => string> = {
  "docker-archive": (path) => path,
  "oci-archive": (path) => path,
  "oci": (path) => `${path}/index.json`,
  "dir": (path) => `${path}/manifest.json`,
};

/** The grammar of distribution's references; `name` includes the domain. */
const REFERENCE = /^(?<name>[^@]+?)(?::(?<tag>[^:/@]*))?(?:@(?<digest>.*))?$/;
const DOMAIN_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const DOMAIN = new RegExp(String.raw`^(?:${DOMAIN_LABEL}(?:\.${DOMAIN_LABEL})*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$`);
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const NAME_MAX = 255;

/**
 * Tells whether a SOURCE is a folder or an image. An existing folder is a folder, whatever its name. A SOURCE that
 * looks like a path and is not a folder is refused, and not looked up in a registry.
 *
 * @param folder the folder that relative paths are relative to; default: the working directory
 * @throws {SmolvmError} `source`
 */
export function classifySource(source: string, folder?: string): Source {
  if (source === "") throw new SmolvmError("source", "Cannot use an empty SOURCE: expected a folder or an image");
  const looksLikePath = source.startsWith(".") || source.startsWith("/");
  try {
    const path = absolute(source, folder);
    if (Deno.statSync(path).isDirectory) return { kind: "folder", path: Deno.realPathSync(path) };
    if (looksLikePath) {
      throw new SmolvmError("source", `Cannot use "${source}" as a root filesystem: it is not a folder`, {
        hint: `For an image archive name its format: "oci-archive:${source}" or "docker-archive:${source}".`,
      });
    }
  } catch (error) {
    if (looksLikePath) {
      if (error instanceof SmolvmError) throw error;
      throw new SmolvmError("source", `Cannot use the folder "${source}": ${osReason(error)}`, { cause: error });
    }
    // Not a path: the name of an image.
  }
  const reference = parseReference(source, folder);
  if (reference.kind === "local") checkReadable(source, reference);
  return { kind: "image", reference };
}

function checkReadable(source: string, { changesWith }: LocalReference): void {
  try {
    Deno.statSync(changesWith);
  } catch (error) {
    const reason = `"${changesWith}": ${osReason(error)}`;
    throw new SmolvmError("source", `Cannot use the image "${source}": ${reason}`, { cause: error });
  }
}

/**
 * Parses the name of an image by the rules of docker and buildah; accesses no file.
 *
 * @param folder the folder that relative paths of archives are relative to; default: the working directory
 * @throws {SmolvmError} `source`
 */
export function parseReference(text: string, folder?: string): SourceReference {
  const [, transport, rest] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  if (transport !== undefined && rest !== undefined) {
    const changesWith = LOCAL_TRANSPORTS[transport];
    if (changesWith !== undefined) return parseLocal({ text, transport, rest, folder, changesWith });
    if (transport === "docker" && rest.startsWith("//")) return parseRegistry(rest.slice(2), text);
    if (rest.startsWith("//") || transport === "containers-storage" || transport === "docker-daemon") {
      const known = ["docker://", ...Object.keys(LOCAL_TRANSPORTS).map((name) => `${name}:`)];
      throw invalid(text, `the transport "${transport}:" is not supported; known are ${known.join(", ")}`);
    }
  }
  return parseRegistry(text, text);
}

interface LocalParts {
  text: string;
  transport: string;
  rest: string;
  folder: string | undefined;
  changesWith: (path: string) => string;
}

function parseLocal({ text, transport, rest, folder, changesWith }: LocalParts): LocalReference {
  // As in containers/image: the path ends at the first colon; the name of the image in the archive may follow.
  const colon = transport === "dir" ? -1 : rest.indexOf(":");
  const [path, image] = colon === -1 ? [rest, ""] : [rest.slice(0, colon), rest.slice(colon)];
  if (path === "") throw invalid(text, `a path is missing after "${transport}:"`);
  const full = absolute(path, folder);
  return { kind: "local", name: `${transport}:${full}${image}`, changesWith: changesWith(full) };
}

function parseRegistry(reference: string, text: string): RegistryReference {
  const { name = "", tag, digest } = REFERENCE.exec(reference)?.groups ?? {};
  if (name === "") throw invalid(text, "it has no name");
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw invalid(text, `"${digest}" is not a digest; expected "sha256:" and 64 lower-case hexadecimal digits`);
  }

  const [first = "", ...others] = name.split("/");
  // Docker's rule to distinguish "localhost:5000/app" and "quay.io/app" from "library/app".
  const hasDomain = others.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const domain = hasDomain ? first.replace(/^index\.docker\.io$/, "docker.io") : "docker.io";
  const path = hasDomain ? others : [first, ...others];
  if (!DOMAIN.test(domain)) throw invalid(text, `"${domain}" is not the address of a registry`);
  for (const component of path) {
    if (PATH_COMPONENT.test(component)) continue;
    if (PATH_COMPONENT.test(component.toLowerCase())) throw invalid(text, `"${component}" must be in lower case`);
    throw invalid(text, `"${component}" is not part of an image's name`);
  }
  if (name.length > NAME_MAX) throw invalid(text, `its name is longer than ${NAME_MAX} characters`);

  // A digest is more specific than a tag, and buildah accepts only one of them.
  const version = digest === undefined ? `:${tag ?? "latest"}` : `@${digest}`;
  const isOfficial = domain === "docker.io" && path.length === 1;
  const full = `${domain}/${isOfficial ? "library/" : ""}${path.join("/")}${version}`;
  const isShort = !hasDomain && path.length === 1;
  return isShort
    ? { kind: "registry", name: full, localName: `localhost/${path[0]}${version}` }
    : { kind: "registry", name: full };
}

function invalid(text: string, reason: string): SmolvmError {
  return new SmolvmError("source", `Cannot use "${text}" as an image reference: ${reason}`);
}

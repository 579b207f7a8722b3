import { SmolvmError } from "../errors.ts";
import { DEFAULT_PATH } from "../machine/command.ts";
import type { OciProcess } from "./config.ts";

/** Where a container's files are on the host. */
export interface ContainerTree {
  /** The host's folder that is the container's root. */
  rootfs: string;
  /** The host's files and folders by mount point; `undefined` when the content exists in the guest only. */
  mounts: ReadonlyMap<string, string | undefined>;
}

/** The kernel's limit. */
const MOST_LINKS = 40;

/**
 * Refuses a command that is missing or not executable, with runc's error texts, which engines recognize.
 *
 * @throws {SmolvmError} `not-found` or `not-executable`.
 */
export function checkCommand(
  tree: ContainerTree,
  { args, env = [], cwd }: Pick<OciProcess, "args" | "env" | "cwd">,
): void {
  const program = args[0]!;
  const search = env.findLast((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  const folders = program.includes("/") ? [""] : search.split(":").map((folder) => `${folder || "."}/`);
  const found = folders.map((folder) => isExecutable(tree, absoluteFrom(cwd, `${folder}${program}`)));
  if (found.includes("yes") || found.includes("unknown")) return;
  if (found.includes("no")) throw new SmolvmError("not-executable", `exec: "${program}": permission denied`);
  throw new SmolvmError(
    "not-found",
    program.includes("/")
      ? `exec: "${program}": stat ${program}: no such file or directory`
      : `exec: "${program}": executable file not found in $PATH`,
  );
}

function isExecutable(tree: ContainerTree, path: string): "yes" | "no" | "missing" | "unknown" {
  const place = locate(tree, path);
  if (place === "missing" || place === "unknown") return place;
  const { isFile, mode } = Deno.lstatSync(place.path);
  return isFile && (mode! & 0o111) !== 0 ? "yes" : "no";
}

/**
 * Finds the host's file for `path` in the container. Links are followed as in the container, and cannot lead out of
 * it.
 */
export function locate(tree: ContainerTree, path: string): { path: string } | "missing" | "unknown" {
  let links = 0;
  let rest = path.split("/");
  let at = "";
  while (rest.length > 0) {
    const [name, ...others] = rest as [string, ...string[]];
    rest = others;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = at.slice(0, Math.max(at.lastIndexOf("/"), 0));
      continue;
    }
    const next = `${at}/${name}`;
    const host = hostPath(tree, next);
    if (host === undefined) return "unknown";
    const target = readLink(host);
    if (target === "missing") return "missing";
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++links > MOST_LINKS) return "missing";
    if (target.startsWith("/")) at = "";
    rest = [...target.split("/"), ...rest];
  }
  const host = hostPath(tree, at);
  return host === undefined ? "unknown" : { path: host };
}

/** The host's file for a path in the container, none of whose folders is a link. */
function hostPath({ rootfs, mounts }: ContainerTree, path: string): string | undefined {
  for (let folder = path; folder !== ""; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    if (!mounts.has(folder)) continue;
    const source = mounts.get(folder);
    return source === undefined ? undefined : `${source}${path.slice(folder.length)}`;
  }
  return `${rootfs}${path}`;
}

/** The target of a link; `undefined` when the path is not a link. */
function readLink(path: string): string | "missing" | undefined {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  } catch {
    return "missing"; // Or its parent is a file, which makes no difference to callers.
  }
}

function absoluteFrom(cwd: string, path: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path}`;
}

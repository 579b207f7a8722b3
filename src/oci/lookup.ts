import { SmolvmError } from "../errors.ts";
import { DEFAULT_PATH } from "../machine/command.ts";
import type { OciProcess } from "./config.ts";

/** What a container's paths lead to on the host. */
export interface ContainerTree {
  /** Folder of the host that is the container's root. */
  rootfs: string;
  /** Files and folders of the host by where they are mounted; `undefined`: only the guest knows what is there. */
  mounts: ReadonlyMap<string, string | undefined>;
}

/** As many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * Refuses a command that is not in the container or cannot be executed, in runc's words, by which engines know it.
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
 * Where on the host the file is that the container has at `path`: links are followed as in the container, and none
 * leads out of it.
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

/** The file of the host behind a path of the container's whose folders are no links. */
function hostPath({ rootfs, mounts }: ContainerTree, path: string): string | undefined {
  for (let folder = path; folder !== ""; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    if (!mounts.has(folder)) continue;
    const source = mounts.get(folder);
    return source === undefined ? undefined : `${source}${path.slice(folder.length)}`;
  }
  return `${rootfs}${path}`;
}

/** Where a link leads; `undefined` when it is something else. */
function readLink(path: string): string | "missing" | undefined {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  } catch {
    return "missing"; // Or below a file, which is the same to who looks for it.
  }
}

function absoluteFrom(cwd: string, path: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path}`;
}

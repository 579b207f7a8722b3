import { SmolvmError } from "../errors.ts";

let isGone = false;

/**
 * Records that the folder in which the user started smolvm is gone. The process runs in another folder, which relative
 * paths must not use.
 */
export function markWorkingFolderRemoved(): void {
  isGone = true;
}

/**
 * The folder that the user's relative paths are relative to.
 *
 * @throws {SmolvmError} `usage` when it was removed.
 */
export function workingFolder(): string {
  try {
    if (!isGone) return Deno.cwd();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new SmolvmError("usage", "Cannot find the working folder: it was removed", {
    hint: "Go to a folder that exists, or name files by absolute paths.",
  });
}

/** Makes a path absolute; a relative one is relative to `folder`, by default the working folder. */
export function absolute(path: string, folder?: string): string {
  return path.startsWith("/") ? path : `${folder ?? workingFolder()}/${path}`;
}

/** The parent folder of an absolute path; the root's is the root. */
export function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/**
 * Resolves each path against the previous path, and the first against the working folder, to an absolute path without
 * `.` and `..`.
 *
 * Not taken from a package: users with a package.json who import the runtime module would have to install it.
 */
export function resolve(...paths: string[]): string {
  const [first = workingFolder(), ...others] = paths;
  const path = others.reduce((base, path) => absolute(path, base), absolute(first));
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Where the root of an archive is unpacked. */
export interface UnpackDestination {
  /** The folder to unpack into. */
  folder: string;
  /** The name of the archive's "." in `folder`; empty for `folder` itself. */
  root: string;
  /** The part of the resulting path that the user did not give; error messages show it. */
  shown: string;
}

/**
 * Decides where a copy goes. If `path` is an existing folder, the copy goes into it under `name` ("." copies only the
 * content). Otherwise the copy goes to `path`, whose parent must exist; a file replaces a file.
 *
 * @throws when the copy cannot go there.
 */
export function resolveDestination(
  path: string,
  { name, isFolder }: { name: string; isFolder: boolean },
): UnpackDestination {
  const status = statusOf(path);
  if (status?.isDirectory) {
    const root = name === "." ? "" : name;
    return { folder: path, root, shown: root };
  }
  if (status && isFolder) throw new Error("Not a directory");
  // The target of a symlink is replaced, not the symlink.
  const place = status ? Deno.realPathSync(path) : path;
  const [, folder, root] = /^(.*?\/)?([^/]+?)(?:\/+\.?)*$/.exec(place) ?? [];
  // A trailing slash requires a directory.
  if (root === undefined || root === ".." || !isFolder && /\/\.?$/.test(place)) {
    throw new Error("No such file or directory");
  }
  return { folder: folder ?? ".", root, shown: "" };
}

/** Follows symlinks; `undefined` when there is no file. */
function statusOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

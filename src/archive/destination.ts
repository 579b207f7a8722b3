/** Where the root of an archive goes. */
export interface Destination {
  /** The folder that everything is put below. */
  folder: string;
  /** What the archive's "." is called there; empty for that folder itself. */
  root: string;
  /** What of that has to be said of a file that failed, beside the destination. */
  shown: string;
}

/**
 * Where a copy goes: below a folder that is there by the name of what is copied ("." for nothing but what is in it),
 * else to that very path, in a folder that is there; a file takes the place of a file.
 *
 * @throws for where it cannot go.
 */
export function resolveDestination(path: string, { name, isFolder }: { name: string; isFolder: boolean }): Destination {
  const status = statusOf(path);
  if (status?.isDirectory) {
    const root = name === "." ? "" : name;
    return { folder: path, root, shown: root };
  }
  if (status && isFolder) throw new Error("Not a directory");
  // What a link leads to is replaced, not the link.
  const place = status ? Deno.realPathSync(path) : path;
  const [, folder, root] = /^(.*?\/)?([^/]+?)(?:\/+\.?)*$/.exec(place) ?? [];
  // That it is a folder is what its end says.
  if (root === undefined || root === ".." || !isFolder && /\/\.?$/.test(place)) {
    throw new Error("No such file or directory");
  }
  return { folder: folder ?? ".", root, shown: "" };
}

/** Of what a link leads to; `undefined` when there is nothing. */
function statusOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

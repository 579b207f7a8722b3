/**
 * What is in a folder, so that a test can tell whether it has changed.
 *
 * @module
 */

/** Everything of a tree that somebody could change: by its path, what and whose it is, and a hash of its content. */
export function treeOf(folder: string): Record<string, string> {
  const entries: Record<string, string> = {};
  const visit = (path: string) => {
    const { mode, uid, gid, mtime, nlink, isDirectory, isSymlink, isFile } = Deno.lstatSync(path);
    const content = isSymlink ? Deno.readLinkSync(path) : isFile ? hashOf(Deno.readFileSync(path)) : "";
    entries[path] = [mode?.toString(8), uid, gid, mtime?.toISOString(), nlink, content].join(" ");
    if (isDirectory) { for (const { name } of Deno.readDirSync(path)) visit(`${path}/${name}`); }
  };
  visit(folder);
  return entries;
}

/** FNV-1a: quick, and no guest here looks for collisions. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

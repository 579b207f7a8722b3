/**
 * Describes the contents of a folder, so that a test can detect changes.
 *
 * @module
 */

/** The mode, owner, modification time, link count and content (as a hash) of everything in a folder, by path. */
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

/** FNV-1a: fast; the guests in the tests do not construct collisions. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** What a disk counts in. */
const BLOCK_BYTES = 512;

/** Bytes that a file, or a folder with all that is in it, takes on its disk: a sparse file less than its size. */
export function allocatedBytes(path: string): number {
  try {
    const { blocks, isDirectory } = Deno.lstatSync(path);
    const inside = isDirectory ? [...Deno.readDirSync(path)] : [];
    const own = (blocks ?? 0) * BLOCK_BYTES;
    return own + allocatedBytesOf(inside.map(({ name }) => `${path}/${name}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0; // Also what is removed meanwhile.
    throw error;
  }
}

/** The same of several. */
export function allocatedBytesOf(paths: readonly string[]): number {
  return paths.reduce((bytes, path) => bytes + allocatedBytes(path), 0);
}

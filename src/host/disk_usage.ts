import { isOsError } from "./os_error.ts";

/** The unit of `blocks` in stat(2). */
const BLOCK_BYTES = 512;

/** Bytes that a file or a whole folder occupies on the disk; less than its size for a sparse file. */
export function allocatedBytes(path: string): number {
  try {
    const { blocks, isDirectory } = Deno.lstatSync(path);
    const inside = isDirectory ? [...Deno.readDirSync(path)] : [];
    const own = (blocks ?? 0) * BLOCK_BYTES;
    return own + allocatedBytesOf(inside.map(({ name }) => `${path}/${name}`));
  } catch (error) {
    // The file was removed meanwhile, or a guest made it unreadable or its path too long.
    if (isOsError(error)) return 0;
    throw error;
  }
}

/** Like {@linkcode allocatedBytes}, in total for several paths. */
export function allocatedBytesOf(paths: readonly string[]): number {
  return paths.reduce((bytes, path) => bytes + allocatedBytes(path), 0);
}

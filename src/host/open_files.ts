/**
 * libkrun holds a descriptor for each file that a guest knows, and fails requests when it runs out of descriptors. The
 * agent makes the guest forget files before that (`src/guest/setup/inode_cache.c`), more often if the limit is low.
 */
export const MIN_OPEN_FILES = 100_000;

/** Parses the hard limit of open files in `/proc/self/limits`; `undefined`: unlimited. */
export function parseOpenFilesLimit(limits: string): number | undefined {
  const [, hard] = /^Max open files +\S+ +(\d+)/m.exec(limits) ?? [];
  return hard === undefined ? undefined : Number(hard);
}

/** The limit of open files of a VM's process if it is too low, otherwise `undefined`; root raises the limit itself. */
export function lowOpenFilesLimit(): number | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() === 0) return undefined;
  const limit = parseOpenFilesLimit(readLimits());
  return limit !== undefined && limit < MIN_OPEN_FILES ? limit : undefined;
}

function readLimits(): string {
  try {
    return Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return ""; // A script may lack the permission.
  }
}

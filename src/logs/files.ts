import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { openUntrusted } from "../host/untrusted_file.ts";

/** The maximum of `log_max_files`, plus one during a rotation. */
const MAX_FILES = 101;
/**
 * The maximum ratio of size to allocated bytes. It excludes a guest's huge sparse files, whose zeros would all be read;
 * compression by the file system stays below it.
 */
const MAX_HOLES = 1000;
const BLOCK_BYTES = 512;
const MIN_BYTES = 1024 ** 2;

/** How much of a log to keep. */
export interface LogLimits {
  /** The size at which the file is rotated. */
  maxBytes: number;
  /** The maximum number of files, including the one being written. */
  maxFiles: number;
}

/** The file of the log at `path` after this many rotations; 0: the file being written. */
export function logFile(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/**
 * Opens the files of a log, or only those newer than an open file, oldest first. An open file can be read to its end
 * even if it is renamed or removed.
 *
 * @throws {SmolvmError} `state`.
 */
export function openLogFiles(path: string, newerThan?: Deno.FsFile): Deno.FsFile[] {
  const known = newerThan?.statSync().ino;
  const files = new Map<number | null, Deno.FsFile>();
  // Files only move to higher numbers, so this loop misses none but may see one twice. A rotation leaves a gap of one.
  for (let age = 0, missing = 0; missing < 2 && age < MAX_FILES; age++) {
    const file = openIfThere(logFile(path, age));
    if (file === undefined) {
      missing++;
      continue;
    }
    missing = 0;
    const { ino } = file.statSync();
    const isKnown = ino === known;
    if (isKnown || files.has(ino)) file.close();
    else files.set(ino, file);
    if (isKnown) break;
  }
  return [...files.values()].reverse();
}

function openIfThere(path: string): Deno.FsFile | undefined {
  try {
    const file = openUntrusted(path);
    const { size, blocks } = file.statSync();
    if (size <= MAX_HOLES * (blocks ?? size) * BLOCK_BYTES + MIN_BYTES) return file;
    file.close();
    throw new SmolvmError("state", `"${path}" is not a log: it is ${size} bytes of holes`);
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("state", `Cannot read the log "${path}": ${osReason(error)}`, { cause: error });
  }
}

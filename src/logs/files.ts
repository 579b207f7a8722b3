import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";

/** How much of a log is kept. */
export interface LogLimits {
  /** At this size a file is set aside, and a new one begun. */
  maxBytes: number;
  /** How many files there are at most, the one being written to included. */
  maxFiles: number;
}

/** The file of the log at `path` that was set aside so many times; 0: the one that is written to. */
export function logFile(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

/**
 * Opens the files of a log, or only those newer than one that is open, the oldest first. What it has opened can be read
 * to its end whatever becomes of its name.
 *
 * @throws {SmolvmError} `state`.
 */
export function openLogFiles(path: string, newerThan?: Deno.FsFile): Deno.FsFile[] {
  const known = newerThan?.statSync().ino;
  const files = new Map<number | null, Deno.FsFile>();
  // Files move to higher numbers only, so that none is missed on the way up, but one may be met twice; and while they
  // move there is a gap of one.
  for (let age = 0, missing = 0; missing < 2; age++) {
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
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("state", `Cannot read the log "${path}": ${osReason(error)}`, { cause: error });
  }
}

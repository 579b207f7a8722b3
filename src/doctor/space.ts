import type { Verdict } from "./check.ts";
import { runProgram } from "./program.ts";

/** With less free space an image or a disk may not fit. */
const LEAST_FREE_BYTES = 1024 ** 3;

/** The file system that a folder is in. */
export interface FileSystem {
  /** Type such as `ext4`; `undefined` if the host does not report it. */
  type: string | undefined;
  freeBytes: number;
}

/** Runs `df` for the file system of a folder; `undefined` if its output is not understood. */
export async function fileSystemOf(folder: string, signal: AbortSignal): Promise<FileSystem | undefined> {
  const { stdout } = await runProgram(["df", Deno.build.os === "linux" ? "-PkT" : "-Pk", folder], { signal });
  return parseDf(stdout);
}

/** Parses the output of POSIX's `df -Pk` for one folder; a second column with the type is optional. */
export function parseDf(output: string): FileSystem | undefined {
  const [, type, free] = /^.*?(?:\s([a-z]\S*))?\s+\d+\s+\d+\s+(\d+)\s+\d+%/.exec(output.split("\n")[1] ?? "") ?? [];
  return free === undefined ? undefined : { type, freeBytes: Number(free) * 1024 };
}

/** Judges the file system of a folder for large persistent files. */
export function judgeSpace(found: string, fileSystem: FileSystem | undefined): Verdict {
  if (fileSystem === undefined) return { status: "ok", found };
  const { type, freeBytes } = fileSystem;
  const free = `${found}, ${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  if (type === "tmpfs") {
    const hint = "A tmpfs uses memory, and a reboot of the host empties it.";
    return { status: "warning", found: `${free}, tmpfs`, hint };
  }
  if (freeBytes < LEAST_FREE_BYTES) return { status: "warning", found: free, hint: "Free some space." };
  return { status: "ok", found: free };
}

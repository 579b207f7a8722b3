import { osReason } from "../host/os_error.ts";

/** A file of a copy failed; the message names it, unless it is the root of the copy. */
export class FileError extends Error {
  override readonly name = "FileError";

  constructor(file: string, cause: unknown) {
    super(`${file === "" ? "" : `"${file}": `}${osReason(cause)}`, { cause });
  }
}

/** Wraps an error in a `FileError`, unless it is one. */
export function toFileError(file: string, error: unknown): FileError {
  return error instanceof FileError ? error : new FileError(file, error);
}

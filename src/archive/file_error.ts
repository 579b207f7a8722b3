import { osReason } from "../host/os_error.ts";

/** The failure of one file of a copy; the message names the file, unless it is the root of the copy. */
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

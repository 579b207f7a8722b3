import { osReason } from "../host/os_error.ts";

/** Why a file of a copy failed; the message names it, unless it is the one that is copied. */
export class FileError extends Error {
  override readonly name = "FileError";

  constructor(file: string, cause: unknown) {
    super(`${file === "" ? "" : `"${file}": `}${osReason(cause)}`, { cause });
  }
}

/** That error as it is, any other as one about a file. */
export function toFileError(file: string, error: unknown): FileError {
  return error instanceof FileError ? error : new FileError(file, error);
}

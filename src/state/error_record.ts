import { ERROR_CODES, type ErrorCode, SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";

/** An error as the program's own JSON holds it. */
export interface ErrorRecord {
  /** What kind of failure it is. */
  code: ErrorCode;
  /** What could not be done, and why. */
  message: string;
  /** What its user can do about it, if anything is known. */
  hint: string | null;
}

export function encodeError({ code, message, hint }: SmolvmError): ErrorRecord {
  return { code, message, hint: hint ?? null };
}

export function toError({ code, message, hint }: ErrorRecord): SmolvmError {
  return new SmolvmError(code, message, { hint: hint ?? undefined });
}

export function parseError(fields: Fields): ErrorRecord {
  const error = {
    code: fields.oneOf("code", ERROR_CODES),
    message: fields.string("message"),
    hint: fields.has("hint") ? fields.string("hint") : null,
  };
  fields.end();
  return error;
}

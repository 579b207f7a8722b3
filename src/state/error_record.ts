import { ERROR_CODES, type ErrorCode, SmolvmError } from "../errors.ts";
import type { Fields } from "../fields.ts";

/** The maximum length of a text, in characters; the last lines of three logs fit. */
const MAX_LENGTH = 16 * 1024;

/** An error in smolvm's own JSON files. */
export interface ErrorRecord {
  /** The kind of failure. */
  code: ErrorCode;
  /** What failed, and why. */
  message: string;
  /** What the user can do about it, if known. */
  hint: string | null;
}

export function encodeError({ code, message, hint }: SmolvmError): ErrorRecord {
  return { code, message, hint: hint ?? null };
}

export function toError({ code, message, hint }: ErrorRecord): SmolvmError {
  return new SmolvmError(code, message, { hint: hint ?? undefined });
}

/** Reads an error that another process wrote; a guest may have taken over the process of its VM. */
export function parseError(fields: Fields): ErrorRecord {
  const error = {
    code: fields.oneOf("code", ERROR_CODES),
    message: sanitize(fields.string("message")),
    hint: fields.has("hint") ? sanitize(fields.string("hint")) : null,
  };
  fields.end();
  return error;
}

/** Limits the length of a text and replaces control characters, which could command a terminal. */
function sanitize(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(/[^\P{Cc}\n\t]/gu, "?");
}

import { messageOf } from "../errors.ts";

/** The OS's error text without Deno's additions: `No space left on device`. */
export function osReason(error: unknown): string {
  const message = messageOf(error);
  return /^(.+?) \(os error \d+\)/.exec(message)?.[1] ?? message;
}

/** Whether an error comes from the OS, such as a full disk; a stack trace does not help with those. */
export function isOsError(error: unknown): boolean {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(`${(error as { code?: unknown }).code}`);
}

/** Plain verbs for Deno's names of operations. */
const ACTIONS: Record<string, string> = {
  readfile: "read",
  readdir: "read",
  writefile: "write",
  mkdir: "create",
  stat: "look at",
  lstat: "look at",
  realpath: "look at",
  symlink: "link",
};

/** Rewrites an OS error as `Cannot read "/x": Permission denied`; keeps other messages. */
export function osFailure(error: unknown): string {
  const message = messageOf(error);
  const [, reason, action, paths] = /^(.+?) \(os error \d+\): (\w+) '(.+)'$/s.exec(message) ?? [];
  if (reason === undefined || action === undefined || paths === undefined) return osReason(error);
  return `Cannot ${ACTIONS[action] ?? action} "${paths.replace("' -> '", '" to "')}": ${reason}`;
}

import { messageOf } from "../errors.ts";

/** What the OS said, without Deno's decoration: `No space left on device`. */
export function osReason(error: unknown): string {
  const message = messageOf(error);
  return /^(.+?) \(os error \d+\)/.exec(message)?.[1] ?? message;
}

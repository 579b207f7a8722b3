import { messageOf, SmolvmError } from "../errors.ts";
import { logLevel } from "../log.ts";

/** Prints why something failed: one sentence and what to do about it; everything known when details are asked for. */
export function reportError(error: unknown): void {
  const [red, reset] = Deno.stderr.isTerminal() && !Deno.noColor ? ["\x1b[31m", "\x1b[0m"] : ["", ""];
  console.error(`${red}smolvm:${reset} ${messageOf(error)}`);
  if (error instanceof SmolvmError && error.hint) console.error(error.hint);
  const detailed = logLevel() === "debug" || logLevel() === "trace";
  if (detailed || !(error instanceof SmolvmError)) console.error(error);
}

import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { logLevel } from "../log.ts";

/** Prints why something failed: one sentence and what to do about it; everything known when details are asked for. */
export function reportError(error: unknown): void {
  const [red, reset] = Deno.stderr.isTerminal() && !Deno.noColor ? ["\x1b[31m", "\x1b[0m"] : ["", ""];
  console.error(`${red}smolvm:${reset} ${harmless(osReason(error))}`);
  if (error instanceof SmolvmError && error.hint) console.error(error.hint);
  const detailed = logLevel() === "debug" || logLevel() === "trace";
  if (detailed || !(error instanceof SmolvmError || isOfOs(error))) console.error(error);
}

/** Such as that the disk which the output goes to is full: nothing that a stack trace explains. */
function isOfOs(error: unknown): boolean {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(`${(error as { code?: unknown }).code}`);
}

/** What a guest says, or calls its files, can hold anything, a terminal's commands included. */
function harmless(message: string): string {
  return message.replace(/[^\P{Cc}\n\t]/gu, "?");
}

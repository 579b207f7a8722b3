import { exitCodeOf, SmolvmError } from "../errors.ts";
import { isOsError, osFailure } from "../host/os_error.ts";
import { logLevel } from "../log.ts";
import { printError } from "./output/print.ts";

/** Prints why something failed: one sentence and what to do about it; everything known when details are asked for. */
export function reportError(error: unknown): void {
  const [red, reset] = Deno.stderr.isTerminal() && !Deno.noColor ? ["\x1b[31m", "\x1b[0m"] : ["", ""];
  printError(`${red}smolvm:${reset} ${harmless(osFailure(error))}`);
  if (error instanceof SmolvmError && error.hint) printError(error.hint);
  const detailed = logLevel() === "debug" || logLevel() === "trace";
  if (detailed || !(error instanceof SmolvmError || isOsError(error))) printError(Deno.inspect(error));
}

/** Does something; returns the exit code, that of an error once it is told. */
export async function reporting<T>(act: () => Promise<T>): Promise<T | number> {
  try {
    return await act();
  } catch (error) {
    reportError(error);
    return exitCodeOf(error);
  }
}

/** What a guest says, or calls its files, can hold anything, a terminal's commands included. */
function harmless(message: string): string {
  return message.replace(/[^\P{Cc}\n\t]/gu, "?");
}

import { exitCodeOf, SmolvmError } from "../errors.ts";
import { isOsError, osFailure } from "../host/os_error.ts";
import { logLevel } from "../log.ts";
import { printError } from "./output/print.ts";

/** Prints an error as one sentence with its hint; at log level debug or trace also its cause and stack. */
export function reportError(error: unknown): void {
  const [red, reset] = Deno.stderr.isTerminal() && !Deno.noColor ? ["\x1b[31m", "\x1b[0m"] : ["", ""];
  printError(`${red}smolvm:${reset} ${harmless(osFailure(error))}`);
  if (error instanceof SmolvmError && error.hint) printError(error.hint);
  const detailed = logLevel() === "debug" || logLevel() === "trace";
  if (detailed || !(error instanceof SmolvmError || isOsError(error))) printError(Deno.inspect(error));
}

/** Runs `act` and returns its result; reports an error and returns its exit code. */
export async function withErrorReport<T>(act: () => Promise<T>): Promise<T | number> {
  try {
    return await act();
  } catch (error) {
    reportError(error);
    return exitCodeOf(error);
  }
}

/** Replaces control characters: text and file names from a guest may contain terminal escape sequences. */
function harmless(message: string): string {
  return message.replace(/[^\P{Cc}\n\t]/gu, "?");
}

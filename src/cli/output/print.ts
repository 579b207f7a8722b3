import { SmolvmError } from "../../errors.ts";
import { osReason } from "../../host/os_error.ts";
import { writeAll, writeAllSync } from "../../host/streams.ts";

/** What was to be printed and could not be: it fails the whole command line, whatever else was done. */
export class OutputError extends SmolvmError {
  constructor(stream: "stdout" | "stderr", cause: unknown) {
    const name = { stdout: "output", stderr: "error" }[stream];
    super("storage", `Cannot write to standard ${name}: ${osReason(cause)}`, { cause });
  }
}

/**
 * Prints a line, or several, on standard output; nothing when nobody reads it any more.
 *
 * @throws {OutputError}
 */
export function printLine(text: string): void {
  try {
    writeAllSync(Deno.stdout, new TextEncoder().encode(`${text}\n`));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw new OutputError("stdout", error);
  }
}

/**
 * Prints what was done, for people; in a pipe or a file only the name of what it was done to, as docker has it.
 *
 * @throws {OutputError}
 */
export function printDone(name: string, sentence: string): void {
  printLine(Deno.stdout.isTerminal() ? sentence : name);
}

/** Prints a line, or several, on standard error, as far as it takes them. */
export function printError(text: string): void {
  writeError(new TextEncoder().encode(`${text}\n`));
}

/** Writes to standard error, as far as it takes that. */
export function writeError(data: Uint8Array): void {
  try {
    writeAllSync(Deno.stderr, data);
  } catch {
    // There is no other place to say so; what was to be done is done all the same.
  }
}

/**
 * Writes what a command in a machine has written.
 *
 * @throws {OutputError}; `BrokenPipe` when nobody reads it any more.
 */
export async function passOn(stream: "stdout" | "stderr", data: Uint8Array): Promise<void> {
  try {
    await writeAll(Deno[stream], data);
  } catch (error) {
    throw error instanceof Deno.errors.BrokenPipe ? error : new OutputError(stream, error);
  }
}

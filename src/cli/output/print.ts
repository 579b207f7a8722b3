import { SmolvmError } from "../../errors.ts";
import { osReason } from "../../host/os_error.ts";
import { writeAll, writeAllSync } from "../../host/streams.ts";

/** Output could not be written; this fails the whole command line, even if everything else succeeded. */
export class OutputError extends SmolvmError {
  constructor(stream: "stdout" | "stderr", cause: unknown) {
    const name = { stdout: "output", stderr: "error" }[stream];
    super("storage", `Cannot write to standard ${name}: ${osReason(cause)}`, { cause });
  }
}

/**
 * Prints one or more lines on standard output; ignores a closed pipe.
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
 * Prints what was done on a terminal, or only the object's name in a pipe or a file, as docker does.
 *
 * @throws {OutputError}
 */
export function printDone(name: string, sentence: string): void {
  printLine(Deno.stdout.isTerminal() ? sentence : name);
}

/** Prints one or more lines on standard error; ignores errors. */
export function printError(text: string): void {
  writeError(new TextEncoder().encode(`${text}\n`));
}

/** Writes to standard error; ignores errors. */
export function writeError(data: Uint8Array): void {
  try {
    writeAllSync(Deno.stderr, data);
  } catch {
    // There is nowhere to report this error, and it must not stop the operation.
  }
}

/**
 * Writes the output of a command in a machine.
 *
 * @throws {OutputError}; `BrokenPipe` when the reader has closed the pipe.
 */
export async function writeOutput(stream: "stdout" | "stderr", data: Uint8Array): Promise<void> {
  try {
    await writeAll(Deno[stream], data);
  } catch (error) {
    throw error instanceof Deno.errors.BrokenPipe ? error : new OutputError(stream, error);
  }
}

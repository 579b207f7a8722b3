import { SmolvmError } from "../errors.ts";

/** The result of a program. */
export interface ProgramOutput {
  success: boolean;
  stdout: string;
  /** Its last line. */
  stderr: string;
}

/** How a program is run. */
export interface ProgramOptions {
  /** Kills the program. */
  signal: AbortSignal;
  /** Environment variables added to this process's own. */
  env?: Record<string, string>;
  /** How to install it. */
  hint?: string;
}

/**
 * Runs a program and waits until it exits.
 *
 * @throws {SmolvmError} `dependency` when it is missing.
 */
export async function runProgram(
  argv: readonly string[],
  { signal, env, hint }: ProgramOptions,
): Promise<ProgramOutput> {
  const [program, ...args] = argv;
  const command = new Deno.Command(program!, { args, env: { LC_ALL: "C", ...env }, stdin: "null", signal });
  try {
    const { success, stdout, stderr } = await command.output();
    return { success, stdout: textOf(stdout), stderr: textOf(stderr).split("\n").at(-1)! };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SmolvmError("dependency", `Cannot find the program "${program}"`, { cause: error, hint });
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}

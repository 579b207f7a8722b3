import { SmolvmError } from "../errors.ts";

/** What came of a program. */
export interface ProgramOutput {
  success: boolean;
  stdout: string;
  /** The last line of it. */
  stderr: string;
}

/** How a program is run. */
export interface ProgramOptions {
  /** Kills it. */
  signal: AbortSignal;
  /** Variables beside this process's own. */
  env?: Record<string, string>;
  /** How to come by it. */
  hint?: string;
}

/**
 * Runs a program to its end.
 *
 * @throws {SmolvmError} `dependency` when it is not there.
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

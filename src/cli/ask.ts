import { SmolvmError } from "../errors.ts";
import { printError, writeError } from "./output/print.ts";
import { reportError } from "./report.ts";

const NEWLINE = 10;

/** Asks the user a yes-or-no question on standard error and reads the answer from standard input, a terminal. */
export function ask(question: string): boolean {
  writeError(new TextEncoder().encode(`${question} [y/N] `));
  const line: number[] = [];
  const byte = new Uint8Array(1);
  while (line.at(-1) !== NEWLINE) {
    if (Deno.stdin.readSync(byte) === null) {
      printError(""); // At end of input, the cursor is still on the line of the question.
      break;
    }
    line.push(byte[0]!);
  }
  return /^y(es)?$/i.test(new TextDecoder().decode(new Uint8Array(line)).trim());
}

/**
 * Fails unless standard input is a terminal, where a user can answer a question.
 *
 * @param action the verb for messages, such as `prune`
 * @throws {SmolvmError} `usage`.
 */
export function requireAnswers(action: string): void {
  if (Deno.stdin.isTerminal()) return;
  throw new SmolvmError("usage", `Cannot ask whether to ${action}: standard input is not a terminal`, {
    hint: `Use --force to ${action} without a prompt.`,
  });
}

/** Asks whether to remove the listed items, and reports if the answer is not yes. */
export function askToRemove(names: readonly string[], question: string): boolean {
  if (ask(`${names.map((name) => `  ${name}`).join("\n")}\n${question}`)) return true;
  reportError(new SmolvmError("interrupted", "Nothing was removed: the answer was not yes"));
  return false;
}

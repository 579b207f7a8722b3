import { SmolvmError } from "../errors.ts";
import { printError, writeError } from "./output/print.ts";
import { reportError } from "./report.ts";

const NEWLINE = 10;

/** Asks the user at the terminal that standard input is, even if the output goes elsewhere. */
export function ask(question: string): boolean {
  writeError(new TextEncoder().encode(`${question} [y/N] `));
  const line: number[] = [];
  const byte = new Uint8Array(1);
  while (line.at(-1) !== NEWLINE) {
    if (Deno.stdin.readSync(byte) === null) {
      printError(""); // The end of the input leaves the cursor behind the question.
      break;
    }
    line.push(byte[0]!);
  }
  return /^y(es)?$/i.test(new TextDecoder().decode(new Uint8Array(line)).trim());
}

/**
 * Refuses to ask where nobody can answer.
 *
 * @param action what --force does without asking, such as `prune`
 * @throws {SmolvmError} `usage`.
 */
export function requireAnswers(action: string): void {
  if (Deno.stdin.isTerminal()) return;
  throw new SmolvmError("usage", `Cannot ask whether to ${action}: standard input is not a terminal`, {
    hint: `Use --force to ${action} without a prompt.`,
  });
}

/** Asks whether to remove what is listed, and tells of another answer than yes. */
export function askToRemove(names: readonly string[], question: string): boolean {
  if (ask(`${names.map((name) => `  ${name}`).join("\n")}\n${question}`)) return true;
  reportError(new SmolvmError("interrupted", "Nothing was removed: the answer was not yes"));
  return false;
}

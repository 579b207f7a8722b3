/**
 * Finds the examples in the documentation and the help, and parses them without running them.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { makeProgram } from "../../src/cli/program.ts";

/** The content of the fenced blocks in these languages of a Markdown text. */
export function fencedBlocks(markdown: string, ...languages: string[]): string[] {
  return [...markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, language]) => languages.includes(language!))
    .map(([, , text]) => text!);
}

/** The command lines of a Markdown text: all lines of `sh` blocks, and those after a prompt in `console` blocks. */
export function typedLines(markdown: string): string[] {
  const typed = fencedBlocks(markdown, "console").flatMap((text) => [...text.matchAll(/^\$ (.*)$/gm)]);
  return [...fencedBlocks(markdown, "sh").flatMap((text) => text.split("\n")), ...typed.map(([, line]) => line!)];
}

/**
 * The arguments of each `smolvm` in a shell line. Supports the syntax that examples use: quotes, pipes, lists,
 * redirections, comments, variables before a command, and substitutions, whose result it assumes to be `1`.
 */
export function invocations(line: string): string[][] {
  const found: string[][] = [];
  const outer = line.replace(/[$<]\(([^()]*)\)/g, (_, inner: string) => {
    found.push(...invocations(inner));
    return "1";
  });
  const tokens = outer.match(/(?:'[^']*'|"[^"]*"|[^\s'"|;&<>])+|[|;&]+|[<>]+/g) ?? [];
  const comment = tokens.findIndex((token) => token.startsWith("#"));
  let words: string[] = [];
  for (const token of [...comment < 0 ? tokens : tokens.slice(0, comment), ";"]) {
    if (!/^[|;&]/.test(token)) {
      words.push(token.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
      continue;
    }
    const redirection = words.findIndex((word) => /^[<>]/.test(word));
    const typed = redirection < 0 ? words : words.slice(0, redirection);
    const command = typed.slice(typed.findIndex((word) => !/^[A-Z_]+=/.test(word)));
    if (/^(\.\/)?smolvm$/.test(command[0] ?? "")) found.push(command.slice(1));
    words = [];
  }
  return found;
}

/** Why smolvm would refuse a command line, or `undefined`; does not run it. */
export async function whyRefused(args: readonly string[]): Promise<string | undefined> {
  const program = await makeProgram(() => {}, args[0]);
  defuse(program);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    // Help and the version also end with a CommanderError, with exit code 0.
    if (!(error instanceof CommanderError) || error.exitCode !== 0) return `smolvm ${args.join(" ")}: ${error}`;
  }
}

function defuse(command: CommandUnknownOpts): void {
  command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  for (const member of command.commands) defuse(member);
}

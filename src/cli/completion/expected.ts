import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { runsCommand } from "./kind.ts";

/** What is expected at the cursor. */
export type Expected =
  | { kind: "command" | "option"; command: CommandUnknownOpts }
  /** `before` has the arguments before the cursor; `prefix`, such as `--pull=`, is the start of the word. */
  | { kind: "argument"; command: CommandUnknownOpts; argument: Argument; before: string[] }
  | { kind: "value"; option: Option; prefix: string }
  | { kind: "nothing" };

/** Returns what is expected at the cursor after the words `before`; `current` is the part of the word typed so far. */
export function expectedAt(program: CommandUnknownOpts, before: readonly string[], current: string): Expected {
  let command = program;
  let awaiting: Option | undefined;
  let options = true;
  const operands: string[] = [];
  for (const word of before) {
    const subcommand = operands.length === 0 ? find(command, word) : undefined;
    if (awaiting) awaiting = undefined;
    else if (options && word === "--") options = false;
    else if (options && /^-./.test(word)) awaiting = awaitingValue(command, word);
    else if (subcommand) command = subcommand;
    // `help` is followed by the same words.
    else if (word !== "help" || command.commands.length === 0) {
      operands.push(word);
      if (runsCommand(command)) options = false;
    }
  }
  if (awaiting) return { kind: "value", option: awaiting, prefix: "" };
  if (options && current.startsWith("-")) return expectedInOption(command, current);
  if (command.commands.length > 0 && operands.length === 0) return { kind: "command", command };
  const { registeredArguments } = command;
  const argument = registeredArguments[operands.length] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return argument ? { kind: "argument", command, argument, before: operands } : { kind: "nothing" };
}

/** Finds the subcommand with this name or alias. */
function find({ commands }: CommandUnknownOpts, word: string): CommandUnknownOpts | undefined {
  return commands.find((command) => command.name() === word || command.aliases().includes(word));
}

/** Returns the option in this word, or the last of several as in `-it`, if its value is the next word. */
function awaitingValue({ options }: CommandUnknownOpts, word: string): Option | undefined {
  if (word.startsWith("--")) return options.find(({ long, required }) => required && long === word);
  for (const [index, letter] of [...word].entries()) {
    const option = options.find(({ short, required }) => required && short === `-${letter}`);
    // The rest of the word is the option's value.
    if (index > 0 && option) return index === word.length - 1 ? option : undefined;
  }
}

function expectedInOption(command: CommandUnknownOpts, current: string): Expected {
  const [prefix, name] = /^(--[^=]+)=/.exec(current) ?? [];
  if (prefix === undefined) return { kind: "option", command };
  const option = awaitingValue(command, name!);
  return option ? { kind: "value", option, prefix } : { kind: "nothing" };
}

/**
 * Writes docs/commands.md, the help of every command.
 *
 *     deno run -A scripts/commands_doc.ts
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { makeProgram } from "../src/cli/program.ts";
import { commandsOf } from "./man_page.ts";

/** The file to write. */
export const COMMANDS_DOC = new URL("../docs/commands.md", import.meta.url);
/** The width to which help is wrapped without a terminal. */
const COLUMNS = 80;

/** The documentation of a command. */
export interface Documented {
  /** The full name, with its parent commands, such as `config set`. */
  name: string;
  /** Its heading in the overview. */
  group: string;
  /** Its usage line, without the word "Usage". */
  usage: string;
  /** One line on what it does. */
  summary: string;
  /** The output of `--help`, without the last line feed. */
  help: string;
  /** Whether it is a group of commands that does nothing itself. */
  isFamily: boolean;
}

/** Every command in the overview and its subcommands, in the order of the overview. */
export function documentedCommands(program: CommandUnknownOpts): Documented[] {
  return commandsOf(program).flatMap((command) => {
    const group = command.helpGroup().replace(/:$/, "");
    const family = commandsOf(command).map((member) => documented(member, `${command.name()} ${member.name()}`, group));
    return [documented(command, command.name(), group), ...family];
  });
}

function documented(command: CommandUnknownOpts, name: string, group: string): Documented {
  const usage = command.createHelp().commandUsage(command);
  const summary = command.summary() || command.description();
  return { name, group, usage, summary, help: helpOf(command), isFamily: command.commands.length > 0 };
}

function helpOf(command: CommandUnknownOpts): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => help += text, getOutHelpWidth: () => COLUMNS }).outputHelp();
  return help.trimEnd();
}

/** The text of the document. */
export function commandsDoc(commands: readonly Documented[]): string {
  const groups = Map.groupBy(commands, ({ group }) => group);
  const sections = [...groups].map(([group, commands]) => [
    `## ${group}`,
    ...commands.map(({ name, help }) => `### smolvm ${name}\n\n\`\`\`text\n${help}\n\`\`\``),
  ]);
  return [
    "# Commands",
    "What `smolvm COMMAND --help` prints, of every command; `scripts/commands_doc.ts` writes this file. " +
    "Exit codes, streams and\nwhat else they have in common is in the [README](../README.md#commands).",
    ...sections.flat(),
  ].join("\n\n") + "\n";
}

if (import.meta.main) {
  Deno.writeTextFileSync(COMMANDS_DOC, commandsDoc(documentedCommands(await makeProgram(() => {}))));
}

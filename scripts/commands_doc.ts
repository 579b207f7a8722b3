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

/** Where it is. */
export const COMMANDS_DOC = new URL("../docs/commands.md", import.meta.url);
/** What help is wrapped to where no terminal says how wide it is. */
const COLUMNS = 80;

/** A command as its users meet it. */
export interface Documented {
  /** With those above it, such as `config set`. */
  name: string;
  /** The heading that it has in the overview. */
  group: string;
  /** Its line of usage, without the word. */
  usage: string;
  /** One line on what it does. */
  summary: string;
  /** What `--help` prints, the last line feed left out. */
  help: string;
  /** Whether it is a family of commands, and does nothing itself. */
  isFamily: boolean;
}

/** Every command that the overview has or leads to, in its order. */
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

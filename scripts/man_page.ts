/**
 * Prints the man page smolvm(1), made from the help of the commands.
 *
 *     deno run -A scripts/man_page.ts DATE
 *
 * DATE is the date of the page, in seconds since 1970.
 */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import deno from "../deno.json" with { type: "json" };
import { makeProgram } from "../src/cli/program.ts";

type Entry = readonly [term: string, meaning: string];

const DESCRIPTION = [
  "Runs a command in a virtual machine of its own, on the root filesystem of an OCI image or of any folder, by libkrun " +
  "on KVM or macOS's Hypervisor.framework. The command has no network unless it is given one, it cannot change the " +
  "image or the folder, and of a machine that was not made to persist nothing is left when it ends.",
  "Machines are named by their names or by the beginning of their ids, images as docker has it. Options come before " +
  "the source of run and create and before the machine of exec: what follows those is for the guest.",
];

const EXIT_STATUS: readonly Entry[] = [
  ["0", "All went well, in the guest too."],
  ["1", "Something could not be done for one of the machines, images or files named, or doctor found an error."],
  ["124", "The command ran longer than --timeout."],
  ["125", "smolvm itself failed; a command line that cannot be honoured is such a failure."],
  ["126", "The command exists in the guest and cannot be executed."],
  ["127", "The command does not exist in the guest."],
  ["128+n", "The command, or smolvm, was ended by signal n."],
  ["other", "That of the command in the guest: of run, exec, shell, attach and start when attached."],
];

const ENVIRONMENT: readonly Entry[] = [
  ["SMOLVM_STORAGE", "Folder of buildah's storage; default: buildah's own, on macOS /Volumes/krunvm."],
  ["SMOLVM_LOG, RUST_LOG", "error, warn, info, debug or trace; of RUST_LOG the part smolvm=LEVEL."],
  ["SMOLVM_BOOT_TIMEOUT", "Seconds that a guest may take to boot; default 60."],
  ["SMOLVM_LIBKRUN, SMOLVM_LIBKRUNFW", "Files of the libraries, instead of those that are found."],
  ["SMOLVM_LIB", "Folder of the agent, the disk templates and the libraries."],
  ["XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR", "Where the files below are, if absolute; not on macOS."],
  ["REGISTRY_AUTH_FILE", "Credentials for registries, as buildah has it."],
  ["NO_COLOR", "Leaves colour out."],
];

const FILES: readonly Entry[] = [
  ["~/.config/smolvm/smolvm.toml", "What machines get by default (see config)."],
  ["~/.local/state/smolvm/machines", "A folder for each machine that persists: record, status, disk and logs."],
  ["~/.local/state/smolvm", "All that must outlive a reboot."],
  ["$XDG_RUNTIME_DIR/smolvm, /run/smolvm (root), /tmp/smolvm-UID", "Sockets of machines that run."],
  [
    "~/Library/Preferences/rs.smolvm/smolvm.toml, ~/Library/Application Support/rs.smolvm, /tmp/smolvm-UID",
    "The same on macOS.",
  ],
];

/** The man page of a program, with the given date and version. */
export function manPage(program: CommandUnknownOpts, { date, version }: { date: Date; version: string }): string {
  const name = program.name();
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date.toISOString().slice(0, 10)} "${name} ${version}"`,
    ".SH NAME",
    roff(`${name} - ${program.description()}`),
    ".SH SYNOPSIS",
    usage(program),
    ".SH DESCRIPTION",
    ...DESCRIPTION.flatMap((text) => [".PP", roff(text)]).slice(1),
    ".SH OPTIONS",
    ...entries(optionsOf(program)),
    ".SH COMMANDS",
    ...commandsOf(program).flatMap(section),
    ".SH EXIT STATUS",
    ...entries(EXIT_STATUS),
    ".SH ENVIRONMENT",
    ...entries(ENVIRONMENT),
    ".SH FILES",
    ...entries(FILES),
  ];
  return lines.join("\n") + "\n";
}

/** The direct subcommands of a command, without hidden ones and commander's own. */
export function commandsOf(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.createHelp().visibleCommands(command).filter((command) => command.name() !== "help");
}

/** Describes a command and its subcommands, with their arguments and options. */
function section(command: CommandUnknownOpts): string[] {
  const help = command.createHelp();
  const words = help.commandUsage(command).split(" ");
  const parents = words.slice(1, words.findIndex((word) => word.split("|")[0] === command.name()));
  // Every command has --help: leave it out.
  const options = optionsOf(command).filter(([term]) => !term.endsWith("--help"));
  const taken = help.visibleArguments(command).map((argument): Entry => [
    help.argumentTerm(argument),
    help.argumentDescription(argument),
  ]);
  return [
    `.SS "${roff([...parents, help.subcommandTerm(command)].join(" "))}"`,
    usage(command),
    ".PP",
    roff(`${command.description()}.`),
    ...entries([...taken, ...options]),
    ...afterHelp(command).flatMap(paragraph),
    ...commandsOf(command).flatMap(section),
  ];
}

function usage(command: CommandUnknownOpts): string {
  return `\\fB${roff(command.createHelp().commandUsage(command))}\\fR`;
}

function optionsOf(command: CommandUnknownOpts): Entry[] {
  const help = command.createHelp();
  return help.visibleOptions(command).map((option) => [help.optionTerm(option), help.optionDescription(option)]);
}

/** The paragraphs at the end of a command's help. */
function afterHelp(command: CommandUnknownOpts): string[] {
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => written.push(text) }).outputHelp();
  const [, ...after] = written; // The first is the rest of the help.
  return after.join("").split(/\n{2,}/).map((text) => text.replace(/^\n+|\n+$/g, "")).filter((text) => text !== "");
}

/** Formats a paragraph. Indented lines keep their layout, as in help. */
function paragraph(text: string): string[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("  "));
  const [prose, literal] = start < 0 ? [lines, []] : [lines.slice(0, start), lines.slice(start)];
  const example = [".PP", ".RS 4", ".EX", ...literal.map((line) => roff(line.slice(2))), ".EE", ".RE"];
  return [".PP", ...prose.map(roff), ...literal.length > 0 ? example : []];
}

function entries(list: readonly Entry[]): string[] {
  return list.flatMap(([term, meaning]) => {
    const [name, value] = term.split(/ (?=<)/);
    return [".TP", `\\fB${roff(name!)}\\fR${value ? ` \\fI${roff(value)}\\fR` : ""}`, roff(meaning)];
  });
}

/** Escapes a line of text for roff, so that it contains no commands and shows the characters to type in a shell. */
function roff(text: string): string {
  const characters: Record<string, string> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    '"': "\\(dq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
  };
  return text.replace(/[\\\-'"`^~]/g, (character) => characters[character]!).replace(/^\./, "\\&.");
}

if (import.meta.main) {
  const date = new Date(Number(Deno.args[0]) * 1000);
  console.log(manPage(await makeProgram(() => {}), { date, version: deno.version }).trimEnd());
}

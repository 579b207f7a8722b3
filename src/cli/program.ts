import { Command, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import deno from "../../deno.json" with { type: "json" };
import { OWN_FAILURE, SmolvmError } from "../errors.ts";
import { markWorkingFolderRemoved } from "../host/path.ts";
import { adoptSpareRunner, dismissSpareRunner } from "../link/spare_runner.ts";
import { COMMANDS } from "./commands.ts";
import { option } from "./completion/kind.ts";
import { FOLDER_GONE } from "./folder_gone.ts";
import { openLog } from "./log_options.ts";
import { printError, printLine } from "./output/print.ts";
import { wrap, wrapHelp } from "./output/wrap.ts";
import { withErrorReport } from "./report.ts";
import { columnsOf } from "./terminal.ts";

/** The width of help when the terminal's width is unknown. */
const DEFAULT_COLUMNS = 80;
/** The least width of the descriptions in help. */
const LEAST_COLUMNS = 30;

/**
 * Creates the program with the command that `word` names, or with all commands, which are slow to load. The command
 * that runs calls `setExitCode` unless its exit code is 0.
 */
export async function makeProgram(setExitCode: (code: number) => void, word?: string) {
  const program = new Command("smolvm")
    .description("Run OCI images and folders as microVMs")
    .version(deno.version, "--version", "print the version")
    .option("-q, --quiet", "do not show progress")
    .addOption(option("log level", "--log-level <level>", "error|warn|info|debug|trace"))
    .helpCommand("help [command]", "Print the help of a command")
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => printLine(wrapHelp(text.replace(/\n$/, ""), helpColumns(Deno.stdout))),
      writeErr: (text) => printError(wrapHelp(text.replace(/\n$/, ""), helpColumns(Deno.stderr))),
      // Commander's errors are reported like all others, by reportError().
      outputError: () => {},
      getOutHelpWidth: () => helpColumns(Deno.stdout),
      getErrHelpWidth: () => helpColumns(Deno.stderr),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      minWidthToWrap: LEAST_COLUMNS,
      formatItem,
      subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", "),
    })
    .on("beforeAllHelp", ({ command }: { command: CommandUnknownOpts }) => refuseOther(command))
    .exitOverride();
  program.hook("preAction", () => openLog(program.opts().logLevel));
  const commands = Object.entries(COMMANDS).flatMap(([heading, group]) =>
    Object.entries(group).map(([names, load]) => ({ heading, names: names.split(" "), load }))
  );
  const wanted = commands.filter(({ names }) => names.includes(word ?? ""));
  const makers = (wanted.length > 0 ? wanted : commands).map(async ({ load, ...rest }) => ({
    ...rest,
    make: await load(),
  }));
  for (const { heading, names: [, ...aliases], make } of await Promise.all(makers)) {
    program.addCommand(make(setExitCode, program).aliases(aliases).helpGroup(heading));
  }
  if (wanted.length === 0) {
    const { completeCommand } = await import("./completion.ts");
    program.addCommand(completeCommand(program), { hidden: true });
  }
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

function helpColumns(stream: typeof Deno.stdout): number {
  return columnsOf(stream) ?? DEFAULT_COLUMNS;
}

/** Formats a term and its description; on a narrow terminal, the description goes below the term. */
function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? DEFAULT_COLUMNS;
  if (width - termWidth - 4 >= LEAST_COLUMNS) {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  const [first, below] = ["  ", "      "];
  return description === "" ? first + term : `${first}${term}\n${wrap(below + description, { width, indent: below })}`;
}

/** Runs any command line, reports errors, and returns the exit code. */
export async function programMain(args: readonly string[]): Promise<number> {
  return await withErrorReport(async () => {
    adoptSpareRunner();
    try {
      return await runProgram(args);
    } finally {
      await dismissSpareRunner();
    }
  });
}

async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  if (Deno.env.get(FOLDER_GONE)) {
    Deno.env.delete(FOLDER_GONE); // Child processes must not inherit it.
    markWorkingFolderRemoved();
  }
  const program = await makeProgram((code) => exitCode = code, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Requested help and versions are no failures. Without a command, help was printed and smolvm fails.
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return OWN_FAILURE;
    const message = error.message.replace(/^error: (.)/, (_, first: string) => first.toUpperCase());
    const [command, name] = namedBy(args, program);
    const flag = /^error: unknown option '(--[^=]+)=/.exec(error.message)?.[1];
    const isFlag = flag !== undefined && command.options.some(({ long }) => long === flag);
    throw new SmolvmError("usage", isFlag ? `Option '${flag}' takes no value` : message, {
      cause: error,
      hint: isFlag && flag === "--net"
        ? "Use --network none, or --allow-net with rules."
        : `Run '${name} --help' for more.`,
    });
  }
  return exitCode;
}

/**
 * Refuses a request for help about an unknown command, which commander does not report, and a `-h` that is followed by
 * more words, which commander would ignore.
 */
function refuseOther(command: CommandUnknownOpts): void {
  const help = command.args.indexOf("-h");
  if (help >= 0 && help < command.args.length - 1) {
    command.error(`error: cannot use -h before "${command.args[help + 1]}": it only prints help`);
  }
  const word = command.args.find((arg) => arg !== "help" && !arg.startsWith("-"));
  if (command.commands.length === 0 || word === undefined || findCommand(command, word)) return;
  command.error(`error: unknown command '${word}'`);
}

function findCommand({ commands }: CommandUnknownOpts, word: string): CommandUnknownOpts | undefined {
  return commands.find((command) => [command.name(), ...command.aliases()].includes(word));
}

/** Finds the command that the words name, and its full name, such as `smolvm config set`. */
function namedBy(
  [word, ...words]: readonly string[],
  command: CommandUnknownOpts,
  name = command.name(),
): [command: CommandUnknownOpts, name: string] {
  const named = findCommand(command, word ?? "");
  return named ? namedBy(words, named, `${name} ${named.name()}`) : [command, name];
}

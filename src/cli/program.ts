import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import deno from "../../deno.json" with { type: "json" };
import { OWN_FAILURE, SmolvmError } from "../errors.ts";
import { configureLog } from "../log.ts";
import { COMMANDS } from "./commands.ts";
import { chooseLogLevel } from "./log_options.ts";
import { columnsOf } from "./terminal.ts";

/** What help is wrapped to where no terminal says how wide it is. */
const DEFAULT_COLUMNS = 80;

/**
 * The tree of commands; of those only the one that `word` names, if any, and else all: they take their time to load.
 * `setExitCode` is told what the one that is run comes to, unless that is 0.
 */
export async function makeProgram(setExitCode: (code: number) => void, word?: string) {
  const program = new Command("smolvm")
    .description("Run OCI images and folders as microVMs")
    .version(deno.version, "--version", "print the version")
    .option("-q, --quiet", "no progress on standard error")
    .option("--log-level <level>", "error|warn|info|debug|trace")
    .helpCommand("help [command]", "Print what a command does and takes")
    .enablePositionalOptions()
    .configureOutput({
      // These do not mind a reader that has gone.
      writeOut: (text) => console.log(text.replace(/\n$/, "")),
      writeErr: (text) => console.error(text.replace(/\n$/, "")),
      // Its errors are reported as all others are.
      outputError: () => {},
      getOutHelpWidth: () => columnsOf(Deno.stdout) ?? DEFAULT_COLUMNS,
      getErrHelpWidth: () => columnsOf(Deno.stderr) ?? DEFAULT_COLUMNS,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      minWidthToWrap: 30,
      subcommandTerm: (command) => [command.name(), ...command.aliases()].join(", "),
    })
    .on("beforeAllHelp", ({ command }: { command: CommandUnknownOpts }) => refuseUnknown(command))
    .exitOverride();
  program.hook("preAction", () => {
    const level = chooseLogLevel({
      flag: program.opts().logLevel,
      smolvmLog: Deno.env.get("SMOLVM_LOG"),
      rustLog: Deno.env.get("RUST_LOG"),
    });
    configureLog({ level, sink: (line) => console.error(line) });
  });
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

/**
 * Runs the command line and returns the exit code.
 *
 * @throws {SmolvmError} for whatever could not be done.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = await makeProgram((code) => exitCode = code, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Asked for, help and version are no failures; without a command, help is what there is to say.
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return OWN_FAILURE;
    const message = error.message.replace(/^error: (.)/, (_, first: string) => first.toUpperCase());
    throw new SmolvmError("usage", message, { cause: error, hint: `Run '${namedBy(args, program)} --help' for more.` });
  }
  return exitCode;
}

/** Refuses a command that is not there where commander would print the help of the one above: it gives no error. */
function refuseUnknown(command: CommandUnknownOpts): void {
  const word = command.args.find((arg) => arg !== "help" && !arg.startsWith("-"));
  if (command.commands.length === 0 || word === undefined || findCommand(command, word)) return;
  command.error(`error: unknown command '${word}'`);
}

function findCommand({ commands }: CommandUnknownOpts, word: string): CommandUnknownOpts | undefined {
  return commands.find((command) => [command.name(), ...command.aliases()].includes(word));
}

/** The command that the words begin with, such as `smolvm config set`. */
function namedBy([word, ...words]: readonly string[], command: CommandUnknownOpts): string {
  const named = findCommand(command, word ?? "");
  return [command.name(), ...named ? [namedBy(words, named)] : []].join(" ");
}

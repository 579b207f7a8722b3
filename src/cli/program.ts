import { Command } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import deno from "../../deno.json" with { type: "json" };
import { SmolvmError } from "../errors.ts";
import { configureLog } from "../log.ts";
import { attachCommand } from "./attach.ts";
import { completeCommand, completionCommand } from "./completion.ts";
import { configCommand } from "./config.ts";
import { createCommand } from "./create.ts";
import { deleteCommand } from "./delete.ts";
import { doctorCommand } from "./doctor.ts";
import { execCommand } from "./exec.ts";
import { imagesCommand } from "./images.ts";
import { inspectCommand } from "./inspect.ts";
import { killCommand } from "./kill.ts";
import { listCommand } from "./list.ts";
import { chooseLogLevel } from "./log_options.ts";
import { logsCommand } from "./logs.ts";
import { portCommand } from "./port.ts";
import { pruneCommand } from "./prune.ts";
import { pullCommand } from "./pull.ts";
import { renameCommand } from "./rename.ts";
import { restartCommand } from "./restart.ts";
import { rmiCommand } from "./rmi.ts";
import { runCommand } from "./run.ts";
import { shellCommand } from "./shell.ts";
import { startCommand } from "./start.ts";
import { stopCommand } from "./stop.ts";
import { systemCommand } from "./system.ts";
import { updateCommand } from "./update.ts";
import { waitCommand } from "./wait.ts";

/** The exit code of our own failures, whatever the command's would have been. */
const OWN_FAILURE = 125;

/**
 * Runs the command line and returns the exit code.
 *
 * @throws {SmolvmError} for whatever could not be done.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command("smolvm")
    .description("Run OCI images and folders as microVMs")
    .version(deno.version, "--version", "print the version")
    .option("-q, --quiet", "no progress on standard error")
    .option("--log-level <level>", "error|warn|info|debug|trace")
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => Deno.stdout.writeSync(new TextEncoder().encode(text)),
      writeErr: (text) => Deno.stderr.writeSync(new TextEncoder().encode(text)),
      // Its errors are reported as all others are.
      outputError: () => {},
      getOutHelpWidth: () => widthOf(Deno.stdout),
      getErrHelpWidth: () => widthOf(Deno.stderr),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ minWidthToWrap: 30 })
    .exitOverride();
  program.hook("preAction", () => {
    const level = chooseLogLevel({
      flag: program.opts().logLevel,
      smolvmLog: Deno.env.get("SMOLVM_LOG"),
      rustLog: Deno.env.get("RUST_LOG"),
    });
    configureLog({ level, sink: (line) => console.error(line) });
  });
  const setExitCode = (code: number) => exitCode = code;
  program.addCommand(runCommand(setExitCode));
  program.addCommand(createCommand());
  program.addCommand(startCommand(setExitCode));
  program.addCommand(stopCommand(setExitCode));
  program.addCommand(restartCommand(setExitCode));
  program.addCommand(killCommand(setExitCode));
  program.addCommand(waitCommand(setExitCode));
  program.addCommand(execCommand(setExitCode));
  program.addCommand(shellCommand(setExitCode));
  program.addCommand(attachCommand(setExitCode));
  program.addCommand(logsCommand(setExitCode));
  program.addCommand(listCommand());
  program.addCommand(portCommand(setExitCode));
  program.addCommand(renameCommand(setExitCode));
  program.addCommand(updateCommand(setExitCode));
  program.addCommand(deleteCommand(setExitCode));
  program.addCommand(pullCommand(setExitCode));
  program.addCommand(imagesCommand());
  program.addCommand(rmiCommand(setExitCode));
  program.addCommand(inspectCommand(setExitCode));
  program.addCommand(pruneCommand(setExitCode));
  program.addCommand(systemCommand(program));
  program.addCommand(doctorCommand(setExitCode));
  program.addCommand(configCommand(program));
  program.addCommand(completionCommand());
  program.addCommand(completeCommand(program), { hidden: true });
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Asked for, help and version are no failures; without a command, help is what there is to say.
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return OWN_FAILURE;
    const message = error.message.replace(/^error: (.)/, (_, first: string) => first.toUpperCase());
    throw new SmolvmError("usage", message, { cause: error, hint: "Run 'smolvm --help' for more." });
  }
  return exitCode;
}

/** Columns that help may take. */
function widthOf(stream: typeof Deno.stdout): number {
  return stream.isTerminal() ? Deno.consoleSize().columns : 80;
}

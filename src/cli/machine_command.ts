import { Command } from "@commander-js/extra-typings";
import { addOptions } from "./add_options.ts";
import { argument } from "./completion/kind.ts";
import { type GivenOptions, MACHINE_OPTIONS, type MachineLine } from "./machine_options.ts";
import type { OptionRow } from "./option_table.ts";

/**
 * Creates a command with the arguments and options that describe a machine.
 *
 * @param more additional options
 * @param act runs the command
 */
export function machineCommand(name: string, more: readonly OptionRow[], act: (line: MachineLine) => Promise<void>) {
  const command = new Command(name)
    .addArgument(argument("source", "[source]", "image reference or folder (required unless a Smolfile has one)"))
    .addArgument(argument("guest command", "[command...]", "command to run (default: the image's, else /bin/sh)"))
    .helpOption("--help", "display help for command")
    .passThroughOptions()
    .action((_source, _command, _options, self) => {
      const options = self.optsWithGlobals() as unknown as GivenOptions;
      return act({ name, words: self.args, options });
    });
  return addOptions(command, [...MACHINE_OPTIONS, ...more]);
}

import { Command } from "@commander-js/extra-typings";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm rename web web-old`;

/** `smolvm rename`. */
export function renameCommand(setExitCode: (code: number) => void) {
  return new Command("rename")
    .summary("Give a machine another name")
    .description("Give a machine another name, also while it runs")
    .addArgument(machineArgument())
    .argument("<new>", "its name from now on")
    .addHelpText("after", EXAMPLES)
    .action(async (name, newName) => {
      setExitCode(await forEachTarget([name], async (name) => (await getMachine(name)).rename(newName)));
    });
}

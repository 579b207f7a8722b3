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
    .summary("Rename a machine")
    .description("Rename a machine, even while it is running")
    .addArgument(machineArgument())
    .argument("<new>", "new name")
    .addHelpText("after", EXAMPLES)
    .action(async (name, newName) => {
      setExitCode(await forEachTarget([name], async (name) => (await getMachine(name)).rename(newName)));
    });
}

import { Command } from "@commander-js/extra-typings";
import { getMachine } from "./get_machine.ts";
import { machineArguments } from "./machine_argument.ts";
import { printLine } from "./output/print.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm wait job
  smolvm start job && exit $(smolvm wait job)`;

/** `smolvm wait`. */
export function waitCommand(setExitCode: (code: number) => void) {
  return new Command("wait")
    .summary("Wait until machines stop and print their exit codes")
    .description("Wait until machines stop, then print the exit codes of their commands")
    .addArgument(machineArguments("live machine"))
    .addHelpText("after", EXAMPLES)
    .action(async (names) => {
      setExitCode(await forEachTarget(names, async (name) => printLine(`${await (await getMachine(name)).wait()}`)));
    });
}

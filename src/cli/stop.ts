import { Command } from "@commander-js/extra-typings";
import { machineArguments } from "./machine_argument.ts";
import { printDone } from "./output/print.ts";
import { parseTimeout } from "./parse.ts";
import { forEachMachine } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm stop web
  smolvm stop --timeout 60 db
  smolvm stop --force stuck`;

/** The default time for a command to exit, in seconds. */
export const DEFAULT_TIMEOUT_S = 10;

/** `smolvm stop`. */
export function stopCommand(setExitCode: (code: number) => void) {
  return new Command("stop")
    .summary("Stop machines")
    .description("Stop machines: ask the command to exit, then shut down the guest and sync its disk")
    .addArgument(machineArguments("live machine"))
    .option(
      "-t, --timeout <seconds>",
      `seconds to wait for the command to exit (default: ${DEFAULT_TIMEOUT_S})`,
      parseTimeout,
    )
    .option("-f, --force", "kill the VM: immediately, or after --timeout if given")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { timeout, force = false }) => {
      setExitCode(
        await forEachMachine(names, async (machine) => {
          await machine.stop({ timeoutMs: timeout && timeout * 1000, force });
          printDone(machine.name, `Stopped VM: ${machine.name}`);
        }),
      );
    });
}

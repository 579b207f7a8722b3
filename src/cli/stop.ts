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

/** How long a command may take to end, in seconds. */
export const DEFAULT_TIMEOUT_S = 10;

/** `smolvm stop`. */
export function stopCommand(setExitCode: (code: number) => void) {
  return new Command("stop")
    .summary("Stop machines, with clean disks")
    .description("Stop machines: ask the command to end, then end the guest with a clean disk")
    .addArgument(machineArguments("live machine"))
    .option("-t, --timeout <seconds>", `how long the command may take (default: ${DEFAULT_TIMEOUT_S})`, parseTimeout)
    .option("-f, --force", "kill the VM: at once, or after --timeout when that is given")
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

import { Command } from "@commander-js/extra-typings";
import { getMachine } from "./get_machine.ts";
import { parseTimeout } from "./parse.ts";
import { startThere } from "./start.ts";
import { DEFAULT_TIMEOUT_S } from "./stop.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm restart web
  smolvm restart --timeout 60 db web`;

/** `smolvm restart`. */
export function restartCommand(setExitCode: (code: number) => void) {
  return new Command("restart")
    .summary("Stop machines, if they run, and start them")
    .description("Stop machines, if they run, and start them in the background")
    .argument("<name...>", "machines, by name or the beginning of their ids")
    .option("-t, --timeout <seconds>", `how long the command may take (default: ${DEFAULT_TIMEOUT_S})`, parseTimeout)
    .addHelpText("after", EXAMPLES)
    .action(async (names, { timeout = DEFAULT_TIMEOUT_S }) => {
      setExitCode(
        await forEachTarget(names, async (name) => {
          const machine = await getMachine(name);
          await machine.stop({ timeoutMs: timeout * 1000 });
          await startThere(machine);
        }),
      );
    });
}

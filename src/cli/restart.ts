import { Command } from "@commander-js/extra-typings";
import { machineArguments } from "./machine_argument.ts";
import { parseTimeout } from "./parse.ts";
import { startDetached } from "./start.ts";
import { untilSignal } from "./signals.ts";
import { DEFAULT_TIMEOUT_S } from "./stop.ts";
import { forEachMachine } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm restart web
  smolvm restart --timeout 60 db web`;

/** `smolvm restart`. */
export function restartCommand(setExitCode: (code: number) => void) {
  return new Command("restart")
    .summary("Restart machines")
    .description("Stop machines if they are running, then start them in the background")
    .addArgument(machineArguments())
    .option(
      "-t, --timeout <seconds>",
      `seconds to wait for the command to exit (default: ${DEFAULT_TIMEOUT_S})`,
      parseTimeout,
    )
    .addHelpText("after", EXAMPLES)
    .action(async (names, { timeout = DEFAULT_TIMEOUT_S }) => {
      setExitCode(
        await untilSignal((signal) => {
          const interrupted = new Promise<never>((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          });
          interrupted.catch(() => {}); // The interrupted operation reports it.
          return forEachMachine(names, async (machine) => {
            if (signal.aborted) return;
            await Promise.race([machine.stop({ timeoutMs: timeout * 1000 }), interrupted]);
            await startDetached(machine, signal);
          });
        }),
      );
    });
}

import { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { parseSignal } from "../host/signal.ts";
import { option } from "./completion/kind.ts";
import { getMachine } from "./get_machine.ts";
import { machineArguments } from "./machine_argument.ts";
import { printLine } from "./output/print.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm kill web
  smolvm kill --signal HUP web db`;

/** `smolvm kill`. */
export function killCommand(setExitCode: (code: number) => void) {
  return new Command("kill")
    .summary("Send a signal to the commands of machines")
    .description(
      "Send a signal to the commands of machines; KILL, the default, stops the machines and syncs their disks",
    )
    .addArgument(machineArguments("live machine"))
    .addOption(
      option("signal", "-s, --signal <signal>", "signal name or Linux signal number (default: KILL)")
        .argParser(checkSignal),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (names, { signal }) => {
      setExitCode(
        await forEachTarget(names, async (name) => {
          const machine = await getMachine(name);
          await machine.kill(signal);
          printLine(machine.name);
        }),
      );
    });
}

function checkSignal(text: string): string {
  if (parseSignal(text) !== undefined) return text;
  throw new InvalidArgumentError("Expected a signal such as HUP, SIGUSR1 or 15.");
}

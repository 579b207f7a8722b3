import { Command, Option } from "@commander-js/extra-typings";
import { option } from "./completion/kind.ts";
import { parseDetachKeys } from "./detach_keys.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { parseBoolean } from "./parse.ts";
import { runSession } from "./session.ts";
import { terminalSize } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm attach web
  smolvm attach --no-stdin web
  smolvm attach --detach-keys ctrl-],d web`;

const DEFAULT_KEYS = "ctrl-p,ctrl-q";

/** `smolvm attach`. */
export function attachCommand(setExitCode: (code: number) => void) {
  return new Command("attach")
    .summary("Attach to the command of a running machine")
    .description("Attach to the command of a running machine, until it exits or you type the detach keys")
    .addArgument(machineArgument("live machine"))
    .addOption(
      new Option("--detach-keys <keys>", "keys that detach from the command's terminal").argParser(parseDetachKeys)
        .default(parseDetachKeys(DEFAULT_KEYS), DEFAULT_KEYS),
    )
    .option("--no-stdin", "do not connect standard input")
    .addOption(
      option("boolean", "--sig-proxy <bool>", "forward signals to the command instead of exiting on them")
        .argParser(parseBoolean).default(true),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (name, { detachKeys, stdin: wantsInput, sigProxy }) => {
      const machine = await getMachine(name);
      const { tty, stdin: hasInput } = (await machine.info()).command;
      const onTerminal = Deno.stdin.isTerminal() || Deno.stdout.isTerminal();
      const terminal = tty && onTerminal ? terminalSize() : undefined;
      const stdin = wantsInput && hasInput;
      setExitCode(
        await runSession((streams) => machine.attach(streams), { terminal, stdin, signals: sigProxy, detachKeys }),
      );
    });
}

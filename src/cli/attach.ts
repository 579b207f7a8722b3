import { Command, Option } from "@commander-js/extra-typings";
import { option } from "./completion/kind.ts";
import { parseDetachKeys } from "./detach_keys.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { parseBoolean } from "./parse.ts";
import { attend } from "./session.ts";
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
    .summary("Attach to the command of a machine")
    .description("Attach to the command of a machine that runs, until it ends or the keys that detach are typed")
    .addArgument(machineArgument("live machine"))
    .addOption(
      new Option("--detach-keys <keys>", "on a terminal, what to type to leave").argParser(parseDetachKeys)
        .default(parseDetachKeys(DEFAULT_KEYS), DEFAULT_KEYS),
    )
    .option("--no-stdin", "leave standard input alone")
    .addOption(
      option("boolean", "--sig-proxy <bool>", "pass signals on to the command, or be ended by them")
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
        await attend((streams) => machine.attach(streams), { terminal, stdin, signals: sigProxy, detachKeys }),
      );
    });
}

import { Command } from "@commander-js/extra-typings";
import { addOptions } from "./add_options.ts";
import { argument } from "./completion/kind.ts";
import { EXEC_OPTIONS, execLine, type ExecLineOptions } from "./exec_line.ts";
import { machineArgument } from "./machine_argument.ts";

const EXAMPLES = `
Examples:
  smolvm exec web ps
  smolvm exec -it web sh
  smolvm exec -u nobody -w /tmp -e KEY=value web env
  tar c site | smolvm exec -i web tar x -C /srv`;

/** `smolvm exec`. */
export function execCommand(setExitCode: (code: number) => void) {
  const command = new Command("exec")
    .summary("Run a command in a running machine")
    .description("Run a command in a running machine and exit with its code")
    .addArgument(machineArgument("live machine"))
    .addArgument(argument("guest command", "<command...>", "command to run"))
    .addHelpText("after", EXAMPLES)
    .passThroughOptions()
    .action(async (name, argv, _options, self) => {
      setExitCode(await execLine(name, argv, self.opts() as unknown as ExecLineOptions));
    });
  return addOptions(command, EXEC_OPTIONS);
}

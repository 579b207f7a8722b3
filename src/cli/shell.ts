import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import type { StreamOptions } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { parseUser } from "./parse.ts";
import { runSession } from "./session.ts";
import { terminalSize } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm shell web
  smolvm shell -u nobody web
  echo 'uname -r' | smolvm shell web`;

/** The login shells to try, in this order, until one exists. */
const SHELLS = [["bash", "-l"], ["ash", "-l"], ["sh", "-l"], ["busybox", "sh", "-l"]];

/** `smolvm shell`. */
export function shellCommand(setExitCode: (code: number) => void) {
  return new Command("shell")
    .summary("Open a login shell in a running machine")
    .description("Open a login shell (bash if available, else sh) in a running machine and exit with its code")
    .addArgument(machineArgument("live machine"))
    .option("-u, --user <user[:group]>", "user in the guest (default: as for the machine's command)", parseUser)
    .addHelpText("after", EXAMPLES)
    .action(async (name, { user }) => {
      const machine = await getMachine(name);
      const terminal = Deno.stdin.isTerminal() ? terminalSize() : undefined;
      for (const argv of SHELLS) {
        try {
          const start = (streams: StreamOptions) => machine.exec(argv, { user, ...streams });
          return setExitCode(await runSession(start, { terminal, stdin: true }));
        } catch (error) {
          if (!(error instanceof SmolvmError && error.code === "not-found")) throw error;
        }
      }
      throw new SmolvmError("not-found", `Cannot find a shell in machine "${machine.name}"`, {
        hint: `Run another program: smolvm exec ${machine.name} PROGRAM`,
      });
    });
}

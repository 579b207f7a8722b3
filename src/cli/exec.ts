import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { UNSEEN_TERMINAL } from "../machine/unseen_terminal.ts";
import { getMachine } from "./get_machine.ts";
import { collectEnv, collectEnvFile, parseUser, parseWorkdir, toVariables } from "./parse.ts";
import { attend } from "./session.ts";
import { requireTerminal } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm exec web ps
  smolvm exec -it web sh
  smolvm exec -u nobody -w /tmp -e KEY=value web env
  tar c site | smolvm exec -i web tar x -C /srv`;

/** `smolvm exec`. */
export function execCommand(setExitCode: (code: number) => void) {
  return new Command("exec")
    .summary("Run another command in a machine")
    .description("Run another command in a machine that runs; exit with its code")
    .argument("<name>", "machine, by name or the beginning of its id")
    .argument("<command...>", "command to run")
    .option("-i, --interactive", "connect standard input")
    .option("-t, --tty", "run the command on a terminal")
    .option("-d, --detach", "leave the command to itself once it runs; its output is dropped")
    .option("-u, --user <user[:group]>", "user in the guest (default: that of the machine's command)", parseUser)
    .option("-w, --workdir <dir>", "working directory (default: that of the machine's command)", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-file <file>", "read variables from a file (repeatable)", collectEnvFile)
    .addHelpText("after", EXAMPLES)
    .passThroughOptions()
    .action(async (name, argv, { interactive: stdin = false, tty, detach, user, workdir, env, envFile }) => {
      if (detach && stdin) throw new SmolvmError("usage", "Cannot use --interactive with --detach");
      const options = { user, workdir, env: toVariables([...envFile ?? [], ...env ?? []]) };
      if (detach) {
        const machine = await getMachine(name);
        return await machine.spawn(argv, { ...options, terminal: tty && UNSEEN_TERMINAL });
      }
      const terminal = tty ? requireTerminal({ interactive: stdin }) : undefined;
      const machine = await getMachine(name);
      setExitCode(await attend((streams) => machine.exec(argv, { ...options, ...streams }), { terminal, stdin }));
    });
}

import { SmolvmError } from "../errors.ts";
import { openMachine } from "../machine/find.ts";
import { DEFAULT_TERMINAL_SIZE } from "../machine/default_terminal_size.ts";
import { execInBackground, startExec } from "../requests/exec.ts";
import { GuestCommand } from "../runtime/guest_command.ts";
import { describeCommand } from "../runtime/options.ts";
import type { OptionRow } from "./option_table.ts";
import { collectEnv, collectEnvFile, parseUser, parseWorkdir, toVariables } from "./parse.ts";
import { runSession } from "./session.ts";
import { requireTerminal } from "./terminal.ts";

/** The options of `smolvm exec`. */
export const EXEC_OPTIONS: readonly OptionRow[] = [
  { flags: "-i, --interactive", description: "connect standard input" },
  { flags: "-t, --tty", description: "allocate a terminal for the command" },
  { flags: "-d, --detach", description: "run the command in the background and discard its output" },
  {
    flags: "-u, --user <user[:group]>",
    description: "user in the guest (default: as for the machine's command)",
    parse: parseUser,
  },
  {
    flags: "-w, --workdir <dir>",
    description: "working directory (default: as for the machine's command)",
    parse: parseWorkdir,
  },
  { flags: "-e, --env <variable>", description: "set KEY=VALUE, or inherit KEY (repeatable)", parse: collectEnv },
  {
    flags: "--env-file <file>",
    description: "read variables from a file (repeatable)",
    kind: "file",
    parse: collectEnvFile,
  },
];

/** The parsed values of {@linkcode EXEC_OPTIONS}. */
export interface ExecLineOptions {
  interactive?: true;
  tty?: true;
  detach?: true;
  user?: string;
  workdir?: string;
  env?: string[];
  envFile?: string[];
}

/**
 * Runs `smolvm exec` with this machine, command and options, and returns the exit code.
 *
 * @throws {SmolvmError} when it fails.
 */
export async function execLine(name: string, argv: string[], given: ExecLineOptions): Promise<number> {
  const { interactive: stdin = false, tty, detach, user, workdir, env, envFile } = given;
  if (detach && stdin) throw new SmolvmError("usage", "Cannot use --interactive with --detach");
  const options = { user, workdir, env: toVariables([...envFile ?? [], ...env ?? []]) };
  // This avoids the module's Machine, which loads every operation and looks up the machine again for each one.
  if (detach) {
    await execInBackground(
      openMachine(name),
      describeCommand(argv, { ...options, terminal: tty && DEFAULT_TERMINAL_SIZE }),
    );
    return 0;
  }
  const terminal = tty ? requireTerminal({ interactive: stdin }) : undefined;
  const machine = openMachine(name);
  const command = { ...describeCommand(argv, { ...options, terminal }), stdin };
  return await runSession((streams) => new GuestCommand((io) => startExec(machine, command, io), streams), {
    terminal,
    stdin,
  });
}

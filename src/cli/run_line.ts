import type { StreamOptions } from "../mod.ts";
import { startRun } from "../runtime/run.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { type GivenOptions, type MachineLine, machineOptions } from "./machine_options.ts";
import type { OptionRow } from "./option_table.ts";
import { openStatusLine } from "./output/status_line.ts";
import { parseSeconds } from "./parse.ts";
import { runSession } from "./session.ts";
import { requireTerminal } from "./terminal.ts";

/** The options of `smolvm run` in addition to those that describe a machine. */
export const RUN_OPTIONS: readonly OptionRow[] = [
  {
    flags: "-d, --detach",
    description: "run in the background and print the machine's name; the machine is kept unless --rm is given",
  },
  { flags: "--rm", description: "remove the machine when it stops (always done without --detach)" },
  {
    flags: "--timeout <seconds>",
    description: "kill the command after this time and exit with 124",
    parse: parseSeconds,
  },
];

/** The parsed values of all options of `smolvm run`. */
export interface RunLineOptions extends GivenOptions {
  detach?: true;
  rm?: true;
  timeout?: number;
}

/**
 * Runs `smolvm run` without `--detach` and returns the exit code.
 *
 * @throws {SmolvmError} when it fails.
 */
export async function runAttached(line: MachineLine & { options: RunLineOptions }): Promise<number> {
  const { interactive: stdin = false, tty = false, timeout: timeoutS } = line.options;
  const terminal = tty ? requireTerminal({ interactive: stdin }) : undefined;
  const status = openStatusLine(line.options);
  const { source, command, ...settings } = await machineOptions(line, status);
  const start = (streams: StreamOptions) =>
    startRun(source, command, { ...settings, ...streams, bootTimeoutMs: bootTimeoutMs() });
  return await runSession(start, { terminal, stdin, status, timeoutS });
}

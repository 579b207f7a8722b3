import { SmolvmError } from "../errors.ts";
import type { MachineOptions, StreamOptions } from "../mod.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { type GivenOptions, type MachineLine, machineOptions } from "./machine_options.ts";
import type { OptionRow } from "./option_table.ts";
import { printLine } from "./output/print.ts";
import { openStatusLine, type StatusLine } from "./output/status_line.ts";
import { parseSeconds } from "./parse.ts";
import { attend } from "./session.ts";
import { untilSignal } from "./signals.ts";
import { requireTerminal } from "./terminal.ts";

/** The options of `smolvm run` beside those that describe a machine. */
export const RUN_OPTIONS: readonly OptionRow[] = [
  {
    flags: "-d, --detach",
    description: "leave the machine running and print its name; it stays when it ends, unless --rm is given",
  },
  { flags: "--rm", description: "remove the machine when it ends (always done without --detach)" },
  {
    flags: "--timeout <seconds>",
    description: "kill the command after so long and exit with 124",
    parse: parseSeconds,
  },
];

/** All of them, as they were given. */
export interface RunLineOptions extends GivenOptions {
  detach?: true;
  rm?: true;
  timeout?: number;
}

/**
 * Does what `smolvm run` with those words and options says, and returns the exit code.
 *
 * @throws {SmolvmError} for whatever could not be done.
 */
export async function runLine(line: MachineLine & { options: RunLineOptions }): Promise<number> {
  const { interactive: stdin = false, tty = false, detach = false, rm = false, timeout: timeoutS } = line.options;
  if (detach && timeoutS !== undefined) {
    throw new SmolvmError("usage", "Cannot use --timeout with --detach: nobody is there to kill the command");
  }
  const { Machine } = await import("../mod.ts");
  const terminal = tty && !detach ? requireTerminal({ interactive: stdin }) : undefined;
  const status = openStatusLine(line.options);
  const described = await machineOptions(line, status);
  if (detach) {
    return await runDetached({ ...described, tty, stdin, ephemeral: rm && "detached" as const }, status);
  }
  const { source, command, ...settings } = described;
  const start = (streams: StreamOptions) =>
    Machine.run(source, command, { ...settings, ...streams, bootTimeoutMs: bootTimeoutMs() });
  return await attend(start, { terminal, stdin, status, timeoutS });
}

/** Leaves a machine running by itself, or nothing when it cannot be started or a signal comes first. */
async function runDetached(options: MachineOptions, status: StatusLine | undefined): Promise<number> {
  const { Machine } = await import("../mod.ts");
  return await untilSignal(async (signal) => {
    using _ = status;
    const machine = await Machine.create({ ...options, boots: true, signal });
    try {
      await machine.start({ bootTimeoutMs: bootTimeoutMs(), onPhase: options.onPhase, signal });
    } catch (error) {
      if (!options.ephemeral) await machine.delete({ force: true });
      throw error;
    }
    status?.clear();
    printLine(machine.name);
    return 0;
  });
}

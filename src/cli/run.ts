import { SmolvmError } from "../errors.ts";
import { Machine } from "../mod.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { machineCommand } from "./machine_command.ts";
import { type MachineLine, machineOptions } from "./machine_options.ts";
import { printLine } from "./output/print.ts";
import { openStatusLine } from "./output/status_line.ts";
import { RUN_OPTIONS, runAttached, type RunLineOptions } from "./run_line.ts";
import { untilSignal } from "./signals.ts";

const EXAMPLES = `
Examples:
  smolvm run alpine echo hello
  smolvm run -it --net debian bash
  smolvm run -d --name web -p 8080:80 busybox httpd -f
  smolvm run -v ./src:/src:ro -w /src alpine ls
  smolvm run ./rootfs /bin/sh -c 'echo from a folder'
  smolvm run -f Smolfile
  smolvm run -f Smolfile -- make test`;

/** `smolvm run`. */
export function runCommand(setExitCode: (code: number) => void) {
  return machineCommand("run", RUN_OPTIONS, async (line) => setExitCode(await runLine(line)))
    .summary("Boot a microVM, run a command in it, and remove it")
    .description("Boot an image or a folder as a microVM, run a command in it, and remove it")
    .addHelpText("after", EXAMPLES);
}

async function runLine(line: MachineLine & { options: RunLineOptions }): Promise<number> {
  return await (line.options.detach ? runDetached(line) : runAttached(line));
}

/** Starts a machine in the background; removes it if the start fails or a signal arrives first. */
async function runDetached(line: MachineLine & { options: RunLineOptions }): Promise<number> {
  const { interactive: stdin = false, tty = false, rm = false, timeout } = line.options;
  if (timeout !== undefined) {
    throw new SmolvmError("usage", "Cannot use --timeout with --detach: no client is left to kill the command");
  }
  const status = openStatusLine(line.options);
  const options = { ...await machineOptions(line, status), tty, stdin, ephemeral: rm && "detached" as const };
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

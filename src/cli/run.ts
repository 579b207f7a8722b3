import { SmolvmError } from "../errors.ts";
import type { MachineOptions, StreamOptions } from "../mod.ts";
import { bootTimeoutMs, machineCommand, machineOptions, openStatusLine } from "./machine_options.ts";
import type { StatusLine } from "./output/status_line.ts";
import { parseSeconds } from "./parse.ts";
import { attend } from "./session.ts";
import { untilSignal } from "./signals.ts";
import { requireTerminal } from "./terminal.ts";

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
  return machineCommand("run")
    .summary("Boot a microVM, run a command in it, and remove it")
    .description("Boot an image or a folder as a microVM, run a command in it, and remove it")
    .option("-d, --detach", "leave the machine running and print its name; it stays when it ends, unless --rm is given")
    .option("--rm", "remove the machine when it ends (always done without --detach)")
    .option("--timeout <seconds>", "kill the command after so long and exit with 124", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action(async (_source, _command, options, self) => {
      const { interactive: stdin = false, tty = false, detach = false, rm = false } = options;
      if (detach && options.timeout !== undefined) {
        throw new SmolvmError("usage", "Cannot use --timeout with --detach: nobody is there to kill the command");
      }
      const { Machine } = await import("../mod.ts");
      const terminal = tty && !detach ? requireTerminal({ interactive: stdin }) : undefined;
      const status = openStatusLine(self);
      const described = await machineOptions(self, options, status);
      if (detach) {
        const machine = { ...described, tty, stdin, ephemeral: rm && "detached" as const };
        return setExitCode(await runDetached(machine, status));
      }
      const { source, command, ...settings } = described;
      const start = (streams: StreamOptions) =>
        Machine.run(source, command, { ...settings, ...streams, bootTimeoutMs: bootTimeoutMs() });
      setExitCode(await attend(start, { terminal, stdin, status, timeoutS: options.timeout }));
    });
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
    console.log(machine.name);
    return 0;
  });
}

import type { StreamOptions } from "../mod.ts";
import { bootTimeoutMs, machineCommand, machineOptions, openStatusLine } from "./machine_options.ts";
import { parseSeconds } from "./parse.ts";
import { attend } from "./session.ts";
import { requireTerminal } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm run alpine echo hello
  smolvm run -it --net debian bash
  smolvm run -v ./src:/src:ro -w /src alpine ls
  smolvm run ./rootfs /bin/sh -c 'echo from a folder'
  smolvm run -f Smolfile
  smolvm run -f Smolfile -- make test`;

/** `smolvm run`. */
export function runCommand(setExitCode: (code: number) => void) {
  return machineCommand("run")
    .summary("Boot a microVM, run a command in it, and remove it")
    .description("Boot an image or a folder as a microVM, run a command in it, and remove it")
    .option("--rm", "remove the machine when it ends (always done)")
    .option("--timeout <seconds>", "kill the command after so long and exit with 124", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action(async (_source, _command, options, self) => {
      const { Machine } = await import("../mod.ts");
      const { interactive: stdin = false } = options;
      const terminal = options.tty ? requireTerminal({ interactive: stdin }) : undefined;
      const status = openStatusLine(self);
      const { source, command, ...settings } = await machineOptions(self, options, status);
      const start = (streams: StreamOptions) =>
        Machine.run(source, command, { ...settings, ...streams, bootTimeoutMs: bootTimeoutMs() });
      setExitCode(await attend(start, { terminal, stdin, status, timeoutS: options.timeout }));
    });
}

import { machineCommand } from "./machine_command.ts";
import { RUN_OPTIONS, runLine } from "./run_line.ts";

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

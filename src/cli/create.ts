import { machineCommand } from "./machine_command.ts";
import { machineOptions } from "./machine_options.ts";
import { printLine } from "./output/print.ts";
import { openStatusLine } from "./output/status_line.ts";
import { untilSignal } from "./signals.ts";

const EXAMPLES = `
Examples:
  smolvm create --name web -v ./site:/site:ro busybox httpd -f -h /site
  smolvm create --name build --disk 40g -m 4g -c 4 -v .:/src gcc make -C /src
  smolvm create --name ci -f Smolfile
  smolvm start web`;

/** `smolvm create`. */
export function createCommand(setExitCode: (code: number) => void) {
  const command = machineCommand("create", [], async (line) => {
    const { Machine } = await import("../mod.ts");
    const { tty = false, interactive: stdin = false } = line.options;
    setExitCode(
      await untilSignal(async (signal) => {
        using status = openStatusLine(line.options);
        const described = await machineOptions(line, status);
        const { name } = await Machine.create({ ...described, tty, stdin, signal });
        status?.clear();
        printLine(name);
        return 0;
      }),
    );
  });
  return command
    .summary("Create a machine that keeps its disk")
    .description("Create a machine that keeps its disk, without starting it")
    .addHelpText("after", EXAMPLES);
}

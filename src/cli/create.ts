import { machineCommand, machineOptions, openStatusLine } from "./machine_options.ts";
import { untilSignal } from "./signals.ts";

const EXAMPLES = `
Examples:
  smolvm create --name web -v ./site:/site:ro busybox httpd -f -h /site
  smolvm create --name build --disk 40g -m 4g -c 4 -v .:/src gcc make -C /src
  smolvm create --name ci -f Smolfile
  smolvm start web`;

/** `smolvm create`. */
export function createCommand(setExitCode: (code: number) => void) {
  return machineCommand("create")
    .summary("Make a machine that keeps its disk")
    .description("Make a machine that keeps its disk, to be started by name")
    .addHelpText("after", EXAMPLES)
    .action(async (_source, _command, options, self) => {
      const { Machine } = await import("../mod.ts");
      const { tty = false, interactive: stdin = false } = options;
      setExitCode(
        await untilSignal(async (signal) => {
          using status = openStatusLine(self);
          const described = await machineOptions(self, options, status);
          const { name } = await Machine.create({ ...described, tty, stdin, signal });
          status?.clear();
          console.log(name);
          return 0;
        }),
      );
    });
}

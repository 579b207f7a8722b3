import { createMachine } from "../machine/create.ts";
import { machineCommand, machineOptions } from "./machine_options.ts";

const EXAMPLES = `
Examples:
  smolvm create --name web -v ./site:/site:ro alpine httpd -f -h /site
  smolvm create --name build --disk 40g -m 4g -c 4 debian make -C /src
  smolvm create --name ci -f Smolfile
  smolvm start web`;

/** `smolvm create`. */
export function createCommand() {
  return machineCommand("create")
    .summary("Make a machine that keeps its disk")
    .description("Make a machine that keeps its disk, to be started by name")
    .addHelpText("after", EXAMPLES)
    .action(async (_source, _command, options, self) => {
      const { name } = await createMachine(await machineOptions(self, options));
      console.log(name);
    });
}

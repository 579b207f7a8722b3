import { createMachine } from "../machine/create.ts";
import { machineCommand, machineOptions } from "./machine_options.ts";
import { parseDisk } from "./parse.ts";

const EXAMPLES = `
Examples:
  smolvm create --name web -v ./site:/site:ro alpine httpd -f -h /site
  smolvm create --name build --disk 40g -m 4g -c 4 debian make -C /src
  smolvm start web`;

/** `smolvm create`. */
export function createCommand() {
  return machineCommand("create")
    .description("Make a machine that keeps its disk, to be started by name")
    .option("--disk <size>", "size of its disk, with a unit such as 512m or 40g (default: 10g)", parseDisk)
    .addHelpText("after", EXAMPLES)
    .action(async (source, command, options, self) => {
      const described = await machineOptions(source, command, options, self.optsWithGlobals());
      const { name } = await createMachine({ ...described, diskBytes: options.disk });
      console.log(name);
    });
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { option } from "./completion/kind.ts";
import { machineArgument } from "./machine_argument.ts";
import { printLine } from "./output/print.ts";
import {
  collectEnv,
  collectGuestPort,
  collectMountPoint,
  collectPorts,
  collectText,
  collectVolume,
  parseCpus,
  parseMemory,
  parseWorkdir,
  toVariables,
} from "./parse.ts";
import { formatGuestPort } from "../config/values.ts";
import { getMachine } from "./get_machine.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Removals are applied first. To replace a volume or a port, remove it and add it.

Examples:
  smolvm update --cpus 4 --memory 2g web
  smolvm update -e MODE=debug --env-rm TOKEN web
  smolvm update --volume-rm /site -v ./site2:/site:ro web
  smolvm update --publish-rm 80 -p 8081:80 web`;

/** `smolvm update`. */
export function updateCommand(setExitCode: (code: number) => void) {
  return new Command("update")
    .summary("Change the settings of a machine")
    .description("Change the settings of a machine that is not running")
    .addArgument(machineArgument("idle machine"))
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs", parseCpus)
    .option("-w, --workdir <dir>", "working directory in the guest", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-rm <key>", "remove a variable (repeatable)", collectText)
    .addOption(
      option("file", "-v, --volume <host:guest[:ro]>", "mount a folder of the host (repeatable)")
        .argParser(collectVolume),
    )
    .option(
      "--volume-rm <guest>",
      "remove the volume mounted at this path in the guest (repeatable)",
      collectMountPoint,
    )
    .option(
      "-p, --publish <[ip:]host:guest>",
      "publish a TCP port of the guest, or a UDP port with /udp (repeatable)",
      collectPorts,
    )
    .option(
      "--publish-rm <guest>",
      "stop publishing this port of the guest, such as 80 or 53/udp (repeatable)",
      collectGuestPort,
    )
    .addHelpText("after", EXAMPLES)
    .action(async (name, options) => {
      if (Object.keys(options).length === 0) {
        throw new SmolvmError("usage", `Cannot update machine "${name}": no changes given`, {
          hint: "Run 'smolvm update --help' for the options.",
        });
      }
      const changes = {
        cpus: options.cpus,
        memoryMib: options.memory,
        workdir: options.workdir,
        env: toVariables(options.env ?? []),
        removeEnv: options.envRm,
        volumes: options.volume,
        removeVolumes: options.volumeRm,
        ports: options.publish,
        removePorts: options.publishRm?.map(formatGuestPort),
      };
      setExitCode(
        await forEachTarget([name], async (name) => {
          const machine = await getMachine(name);
          await machine.update(changes);
          printLine(machine.name);
        }),
      );
    });
}

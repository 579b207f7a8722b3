import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import {
  collectEnv,
  collectMountPoint,
  collectPort,
  collectPortNumber,
  collectText,
  collectVolume,
  parseCpus,
  parseMemory,
  parseWorkdir,
  toVariables,
} from "./parse.ts";
import { getMachine } from "./get_machine.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Removals come first: a volume or a port is replaced by removing and adding it.

Examples:
  smolvm update --cpus 4 --memory 2g web
  smolvm update -e MODE=debug --env-rm TOKEN web
  smolvm update --volume-rm /site -v ./site2:/site:ro web
  smolvm update --publish-rm 80 -p 8081:80 web`;

/** `smolvm update`. */
export function updateCommand(setExitCode: (code: number) => void) {
  return new Command("update")
    .summary("Change what a machine is from its next start on")
    .description("Change what a machine is from its next start on; not while it runs")
    .argument("<name>", "machine, by name or the beginning of its id")
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs", parseCpus)
    .option("-w, --workdir <dir>", "working directory in the guest", parseWorkdir)
    .option("-e, --env <variable>", "set KEY=VALUE, or inherit KEY (repeatable)", collectEnv)
    .option("--env-rm <key>", "remove a variable (repeatable)", collectText)
    .option("-v, --volume <host:guest[:ro]>", "mount a folder of the host (repeatable)", collectVolume)
    .option("--volume-rm <guest>", "no longer mount what is at that path of the guest (repeatable)", collectMountPoint)
    .option("-p, --publish <[ip:]host:guest>", "publish a TCP port of the guest (repeatable)", collectPort)
    .option("--publish-rm <guest>", "no longer publish that port of the guest (repeatable)", collectPortNumber)
    .addHelpText("after", EXAMPLES)
    .action(async (name, options) => {
      if (Object.keys(options).length === 0) {
        throw new SmolvmError("usage", `Cannot update machine "${name}": no option says what to change`, {
          hint: "Run 'smolvm update --help' for those that do.",
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
        removePorts: options.publishRm,
      };
      setExitCode(
        await forEachTarget([name], async (name) => {
          const machine = await getMachine(name);
          await machine.update(changes);
          console.log(machine.name);
        }),
      );
    });
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { getMachine } from "./get_machine.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm delete web
  smolvm delete --force web db`;

/** `smolvm delete`. */
export function deleteCommand(setExitCode: (code: number) => void) {
  return new Command("delete")
    .summary("Delete machines, with their disks and logs")
    .description("Delete machines, with their disks and logs")
    .argument("<name...>", "machines, by name or the beginning of their ids")
    .option("-f, --force", "do not ask; kill a machine that runs")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { force = false }) => {
      if (!force && !Deno.stdin.isTerminal()) {
        throw new SmolvmError("usage", "Cannot ask whether to delete: standard input is not a terminal", {
          hint: "To delete without being asked, use --force.",
        });
      }
      setExitCode(
        await forEachTarget(names, async (nameOrId) => {
          const machine = await getMachine(nameOrId);
          if (!force && !confirm(`Delete machine "${machine.name}" with its disk?`)) return;
          await machine.delete({ force });
          console.log(`Deleted VM: ${machine.name}`);
        }),
      );
    });
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import type { Machine } from "../mod.ts";
import { ask, requireAnswers } from "./ask.ts";
import { getMachine } from "./get_machine.ts";
import { machineArguments } from "./machine_argument.ts";
import { printDone } from "./output/print.ts";
import { forEachTarget, ignoreMissing } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm delete web
  smolvm delete --force web db`;

/** `smolvm delete`. */
export function deleteCommand(setExitCode: (code: number) => void) {
  return new Command("delete")
    .summary("Delete machines, with their disks and logs")
    .description("Delete machines, with their disks and logs")
    .addArgument(machineArguments())
    .option("-f, --force", "do not ask; kill running machines; ignore missing machines")
    .option("-v, --volumes", "also delete disks and logs (always done)")
    .addHelpText("after", EXAMPLES)
    .action(async (names, { force = false }) => {
      const machines = new Map<string, Machine>();
      const missing = { force, code: "no-machine" } as const;
      const find = async (name: string) => {
        const machine = await getMachine(name);
        machines.set(machine.id, machine);
      };
      const found = await forEachTarget(names, (name) => ignoreMissing(missing, () => find(name)));
      if (!force && machines.size > 0) requireAnswers("delete");
      const deleted = await forEachTarget([...machines.values()], (machine) =>
        ignoreMissing(missing, async () => {
          if (!force) await askFor(machine);
          await machine.delete({ force });
          printDone(machine.name, `Deleted VM: ${machine.name}`);
        }));
      setExitCode(Math.max(found, deleted));
    });
}

/** Asks whether to delete a machine, after checking that it can be deleted. */
async function askFor({ id, name }: Machine): Promise<void> {
  const [{ findMachineById }, { checkDeletable }] = await Promise.all([
    import("../machine/find.ts"),
    import("../machine/delete.ts"),
  ]);
  checkDeletable(findMachineById(id), { force: false });
  if (ask(`Delete machine "${name}" and its disk?`)) return;
  throw new SmolvmError("interrupted", `Machine "${name}" was not deleted: the answer was not yes`);
}

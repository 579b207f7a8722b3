import { Command } from "@commander-js/extra-typings";
import { printLine } from "./output/print.ts";
import { askToRemove, requireAnswers } from "./ask.ts";
import { formatSize } from "../size.ts";
import { printable } from "./output/table.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Machines and the images they need are never removed: use "smolvm delete" for
machines. Images that containers of buildah or podman use are kept as well.

Examples:
  smolvm prune --dry-run
  smolvm prune --all --force`;

/** `smolvm prune`. */
export function pruneCommand(setExitCode: (code: number) => void) {
  return new Command("prune")
    .summary("Remove data that no machine uses")
    .description("Remove unused data: dangling images, prepared root filesystems and remains of killed machines")
    .option("-a, --all", "also remove unused images that have a name")
    .option("-f, --force", "do not ask")
    .option("--dry-run", "only print what would be removed")
    .addHelpText("after", EXAMPLES)
    .action(async ({ all = false, force = false, dryRun = false }) => {
      if (!force && !dryRun) requireAnswers("prune");
      const { planPrune } = await import("../upkeep/prune.ts");
      const { steps, reclaimableBytes, freedBytes } = await planPrune({ all });
      if (dryRun) {
        for (const { what } of steps) printLine(`Would remove ${printable(what)}`);
        printLine(`Would free: ${formatSize(reclaimableBytes)}`);
        return;
      }
      const names = steps.map(({ what }) => printable(what));
      if (!force && names.length > 0 && !askToRemove(names, "Remove all of this?")) return setExitCode(1);
      setExitCode(
        await forEachTarget(steps, async ({ what, remove }) => {
          await remove();
          printLine(`Removed ${printable(what)}`);
        }),
      );
      printLine(`Freed: ${formatSize(await freedBytes())}`);
    });
}

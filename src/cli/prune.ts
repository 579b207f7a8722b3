import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { formatSize } from "./output/size.ts";
import { printable } from "./output/table.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Machines are never removed, whether they run or not, nor are the images they
need: that takes "smolvm delete". Images that containers of buildah or podman
use stay as well.

Examples:
  smolvm prune --dry-run
  smolvm prune --all --force`;

/** `smolvm prune`. */
export function pruneCommand(setExitCode: (code: number) => void) {
  return new Command("prune")
    .summary("Remove what no machine uses")
    .description("Remove what no machine uses: dangling images, prepared root filesystems, remains of killed machines")
    .option("-a, --all", "also images that have a name")
    .option("-f, --force", "do not ask")
    .option("--dry-run", "only say what would be removed")
    .addHelpText("after", EXAMPLES)
    .action(async ({ all = false, force = false, dryRun = false }) => {
      if (!force && !dryRun && !Deno.stdin.isTerminal()) {
        throw new SmolvmError("usage", "Cannot ask whether to prune: standard input is not a terminal", {
          hint: "To prune without being asked, use --force.",
        });
      }
      const { planPrune } = await import("../machine/prune.ts");
      const { steps, reclaimableBytes, freedBytes } = await planPrune({ all });
      if (dryRun) {
        for (const { what } of steps) console.log(`Would remove ${printable(what)}`);
        console.log(`Would free: ${formatSize(reclaimableBytes)}`);
        return;
      }
      if (!force && steps.length > 0) {
        const list = steps.map(({ what }) => `  ${printable(what)}`).join("\n");
        if (!confirm(`${list}\nRemove all this?`)) return;
      }
      setExitCode(
        await forEachTarget(steps, async ({ what, remove }) => {
          await remove();
          console.log(`Removed ${printable(what)}`);
        }),
      );
      console.log(`Freed: ${formatSize(await freedBytes())}`);
    });
}

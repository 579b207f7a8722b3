import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Usage } from "../upkeep/usage.ts";
import { printLine } from "./output/print.ts";
import { formatSize } from "../size.ts";
import { formatTable } from "./output/table.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm system df`;

const DF_EXAMPLES = `
RECLAIMABLE is the space that these actions free: "smolvm prune --all" for
images and remains, deleting the machines that are not running for disks and
logs, and "smolvm warm --count 0" for warm machines.

Examples:
  smolvm system df
  smolvm system df --format json`;

const TITLES: Record<Usage["type"], string> = {
  images: "Images",
  disks: "Machine disks",
  logs: "Machine logs",
  warm: "Warm machines",
  remains: "Remains of killed machines",
};

/** `smolvm system`; `program` is its parent command. */
export function systemCommand(program: CommandUnknownOpts) {
  // Copy the settings before adding subcommands, which copy them from this command.
  const system = new Command("system")
    .copyInheritedSettings(program)
    .summary("Show what smolvm uses on this host")
    .description("Show what smolvm uses on this host")
    .addHelpText("after", EXAMPLES);
  system.command("df")
    .description("Show the disk usage of images and machines")
    .addOption(new Option("--format <format>", "output format").choices(["table", "json"] as const))
    .addHelpText("after", DF_EXAMPLES)
    .action(async ({ format }) => {
      const { diskUsage } = await import("../upkeep/usage.ts");
      const usage = await diskUsage();
      printLine(format === "json" ? JSON.stringify(usage, undefined, 2) : formatUsage(usage));
    });
  return system;
}

function formatUsage(usage: Usage[]): string {
  const rows = usage.map(({ type, total, active, sizeBytes, reclaimableBytes }) => {
    const share = sizeBytes === 0 ? 0 : Math.floor(100 * reclaimableBytes / sizeBytes);
    return [
      TITLES[type],
      `${total}`,
      `${active}`,
      formatSize(sizeBytes),
      `${formatSize(reclaimableBytes)} (${share}%)`,
    ];
  });
  return formatTable([["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"], ...rows], columnsOf(Deno.stdout));
}

import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { ListedNetwork } from "../mod.ts";
import { askToRemove, requireAnswers } from "./ask.ts";
import { argument } from "./completion/kind.ts";
import { formatAge } from "./output/age.ts";
import { printLine } from "./output/print.ts";
import { formatTable } from "./output/table.ts";
import { forEachTarget, ignoreMissing } from "./targets.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
Machines in a network reach each other by name and address. They reach nothing
else without --net or --allow-net. Machines in different networks cannot reach
each other.

Examples:
  smolvm network create app
  smolvm run -d --name db --network app postgres
  smolvm run --network app postgres psql -h db`;

const LS_EXAMPLES = `
Examples:
  smolvm network ls
  smolvm network ls --format json`;

const CREATE_EXAMPLES = `
Examples:
  smolvm network create app
  smolvm network create --subnet 10.5.0.0/24 back`;

const INSPECT_EXAMPLES = `
Examples:
  smolvm network inspect app`;

const RM_EXAMPLES = `
A network that a machine, even a stopped one, uses is never removed.

Examples:
  smolvm network rm app`;

const PRUNE_EXAMPLES = `
Examples:
  smolvm network prune --force`;

/** `smolvm network`; `program` is its parent command. */
export function networkCommand(setExitCode: (code: number) => void, program: CommandUnknownOpts) {
  // Copy the settings before adding subcommands, which copy them from this command.
  const network = new Command("network")
    .copyInheritedSettings(program)
    .summary("Manage networks of machines")
    .description("Manage networks in which machines reach each other")
    .addHelpText("after", EXAMPLES);
  network.command("create")
    .description("Create a network and print its name")
    .argument("<name>", "name of the network")
    .option(
      "--subnet <range>",
      "address range, such as 10.5.0.0/24 (default: the first free range in 10.127.0.0/16)",
    )
    .addHelpText("after", CREATE_EXAMPLES)
    .action(async (name, options) => {
      const { Networks } = await import("../mod.ts");
      await Networks.create(name, options);
      printLine(name);
    });
  network.command("ls")
    .alias("list")
    .description("List networks and the machines in them")
    .option("-q, --quiet", "print only names")
    .addOption(
      new Option("--format <format>", "output format").choices(["table", "json"] as const).conflicts("quiet"),
    )
    .addHelpText("after", LS_EXAMPLES)
    .action(async ({ quiet = false, format }) => {
      const { Networks } = await import("../mod.ts");
      const networks = await Networks.list();
      if (format === "json") printLine(JSON.stringify(networks, undefined, 2));
      else if (quiet) { for (const { name } of networks) printLine(name); }
      else printLine(formatNetworks(networks));
    });
  network.command("inspect")
    .description("Print details of networks as a JSON array")
    .addArgument(argument("network", "<name...>", "networks"))
    .addHelpText("after", INSPECT_EXAMPLES)
    .action(async (names) => {
      const { Networks } = await import("../mod.ts");
      const found: unknown[] = [];
      setExitCode(await forEachTarget(names, async (name) => void found.push(await Networks.inspect(name))));
      printLine(JSON.stringify(found, undefined, 2));
    });
  network.command("rm")
    .alias("remove")
    .description("Remove networks")
    .addArgument(argument("network", "<name...>", "networks"))
    .option("-f, --force", "do not fail if a network does not exist")
    .addHelpText("after", RM_EXAMPLES)
    .action(async (names, { force = false }) => {
      setExitCode(
        await forEachTarget(
          [...new Set(names)],
          (name) => ignoreMissing({ force, code: "no-network" }, () => remove(name)),
        ),
      );
    });
  network.command("prune")
    .description("Remove networks that no machine uses")
    .option("-f, --force", "do not ask")
    .addHelpText("after", PRUNE_EXAMPLES)
    .action(async ({ force = false }) => setExitCode(await prune(force)));
  return network;
}

function formatNetworks(networks: readonly ListedNetwork[]): string {
  const rows = networks.map(({ name, subnet, machines, created }) => [
    name,
    subnet,
    machines.join(",") || "-",
    `${formatAge(created)} ago`,
  ]);
  return formatTable([["NAME", "SUBNET", "MACHINES", "CREATED"], ...rows], columnsOf(Deno.stdout));
}

async function remove(name: string): Promise<void> {
  const { Networks } = await import("../mod.ts");
  await Networks.remove(name);
  printLine(name);
}

async function prune(force: boolean): Promise<number> {
  if (!force) requireAnswers("prune");
  const { Networks } = await import("../mod.ts");
  const unused = (await Networks.list()).filter(({ machines }) => machines.length === 0).map(({ name }) => name);
  if (unused.length === 0) return 0;
  if (!force && !askToRemove(unused, "Remove these networks?")) return 1;
  return await forEachTarget(unused, remove);
}

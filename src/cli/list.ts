import { Command, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { formatEndpoint } from "../host/ip_address.ts";
import type { MachineInfo, UnreadableMachineInfo } from "../mod.ts";
import { STATES } from "../state/machine_state.ts";
import { formatAge } from "./output/age.ts";
import { formatTable, printable } from "./output/table.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm list
  smolvm list --verbose --filter state=running
  smolvm list --json
  smolvm delete --force $(smolvm list -q --filter state=stopped)`;

/** Characters of a command that the table shows. */
const COMMAND_WIDTH = 32;
const UNREADABLE = "unreadable";

/** A machine that can be read, or one that cannot. */
type AnyInfo = MachineInfo | UnreadableMachineInfo;

/** What a machine must be to be listed: any of the values of each key. */
type Filters = Partial<Record<"state" | "name", string[]>>;

/** `smolvm list`. */
export function listCommand() {
  return new Command("list")
    .summary("List machines")
    .description("List machines, those of `run` too while they run")
    .option("-a, --all", "also machines that do not run (always done)")
    .option("-v, --verbose", "also id, image, command, age, ports, mounts and how the command ended")
    .option("-q, --quiet", "names only")
    .addOption(
      new Option("--format <format>", "output format").choices(["table", "json"] as const).conflicts("quiet"),
    )
    .addOption(new Option("--json", "the same as --format json").conflicts(["format", "quiet"]))
    .option("--filter <key=value>", "state=STATE, or name=PART of it (repeatable)", collectFilter)
    .addHelpText("after", EXAMPLES)
    .action(async ({ verbose = false, quiet = false, json = false, format, filter = {} }) => {
      const { Machine } = await import("../mod.ts");
      const machines = (await Machine.list()).filter((machine) => matches(machine, filter));
      if (quiet) {
        for (const machine of machines) console.log(printable(nameOf(machine)));
      } else if (json || format === "json") {
        console.log(JSON.stringify(machines.map(machineJson), undefined, 2));
      } else {
        printTable(machines, verbose);
      }
    });
}

function collectFilter(text: string, filters: Filters = {}): Filters {
  const [, key, value] = /^(state|name)=(.*)$/s.exec(text) as [string, keyof Filters, string] | null ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("Expected state=STATE or name=PART.");
  const states: readonly string[] = [...STATES, UNREADABLE];
  if (key === "state" && !states.includes(value)) {
    throw new InvalidArgumentError(`Expected one of ${states.join(", ")}.`);
  }
  return { ...filters, [key]: [...filters[key] ?? [], value] };
}

function matches(machine: AnyInfo, { state, name }: Filters): boolean {
  return (state?.includes(machine.state) ?? true) && (name?.some((part) => nameOf(machine).includes(part)) ?? true);
}

function nameOf(machine: AnyInfo): string {
  return machine.state === UNREADABLE ? machine.id : machine.name;
}

function printTable(machines: AnyInfo[], verbose: boolean): void {
  const header = ["NAME", "STATE", "CPUS", "MEMORY", "PID", "ROOTFS"];
  const more = ["ID", "DIGEST", "COMMAND", "CREATED", "UPTIME", "PORTS", "MOUNTS", "EXIT"];
  const rows = machines.map((machine) => {
    if (machine.state === UNREADABLE) return [machine.id, UNREADABLE, "", "", "", machine.error.message];
    return [...row(machine), ...verbose ? moreOf(machine) : []];
  });
  const width = verbose ? undefined : columnsOf(Deno.stdout);
  console.log(formatTable([[...header, ...verbose ? more : []], ...rows], width));
}

function row({ name, state, cpus, memoryMib, pid, source }: MachineInfo): string[] {
  return [name, state, `${cpus}`, `${memoryMib} MiB`, `${pid ?? "-"}`, rootfsOf(source)];
}

function rootfsOf(source: MachineInfo["source"]): string {
  return "folder" in source ? source.folder : source.image.reference;
}

function moreOf(machine: MachineInfo): string[] {
  const { id, source, command, created, state, started } = machine;
  const digest = "image" in source ? source.image.digest.slice(0, "sha256:".length + 12) : "-";
  const mounts = machine.volumes.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ":ro" : ""}`);
  return [
    id,
    digest,
    shorten(command.argv.join(" ")),
    `${formatAge(created)} ago`,
    state === "running" && started !== null ? formatAge(started) : "-",
    machine.ports.map(formatPort).join(",") || "-",
    mounts.join(",") || "-",
    howItEnded(machine),
  ];
}

/** As docker has it: `127.0.0.1:8080->80/tcp`. */
function formatPort({ address, hostPort, guestPort }: MachineInfo["ports"][number]): string {
  return `${formatEndpoint(address, hostPort)}->${guestPort}/tcp`;
}

function shorten(command: string): string {
  return command.length <= COMMAND_WIDTH ? command : `${command.slice(0, COMMAND_WIDTH - 1)}\u{2026}`;
}

/** The exit code, or why there is none. */
function howItEnded({ error, reason, exitSignal, exitCode }: MachineInfo): string {
  return error?.message.split("\n")[0] ?? reason ?? exitSignal ?? `${exitCode ?? "-"}`;
}

/** A machine as JSON shows it. */
export function machineJson(machine: AnyInfo): object {
  return machine.state === UNREADABLE ? { ...machine, error: machine.error.message } : machine;
}

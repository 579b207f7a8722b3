import { Command, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { exitCode } from "../machine/exit_code.ts";
import { formatEndpoint } from "../host/ip_address.ts";
import { type FoundMachine, isReadable, listMachines, type Machine, nameOf, STATES } from "../machine/find.ts";
import { signalName } from "../machine/signal.ts";
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

/** What a machine must be to be listed: any of the values of each key. */
type Filters = Partial<Record<"state" | "name", string[]>>;

/** `smolvm list`. */
export function listCommand() {
  return new Command("list")
    .aliases(["ls", "ps"])
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
    .action(({ verbose = false, quiet = false, json = false, format, filter = {} }) => {
      const machines = listMachines().filter((machine) => matches(machine, filter));
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

function matches(machine: FoundMachine, { state, name }: Filters): boolean {
  return (state?.includes(stateOf(machine)) ?? true) && (name?.some((part) => nameOf(machine).includes(part)) ?? true);
}

function stateOf(machine: FoundMachine): string {
  return isReadable(machine) ? machine.status.state : UNREADABLE;
}

function printTable(machines: FoundMachine[], verbose: boolean): void {
  const header = ["NAME", "STATE", "CPUS", "MEMORY", "PID", "ROOTFS"];
  const more = ["ID", "DIGEST", "COMMAND", "CREATED", "UPTIME", "PORTS", "MOUNTS", "EXIT"];
  const rows = machines.map((machine) => {
    if (!isReadable(machine)) return [machine.id, UNREADABLE, "", "", "", machine.error.message];
    return [...row(machine), ...verbose ? moreOf(machine) : []];
  });
  const width = verbose ? undefined : columnsOf(Deno.stdout);
  console.log(formatTable([[...header, ...verbose ? more : []], ...rows], width));
}

function row({ record, status }: Machine): string[] {
  const { name, cpus, memoryMib } = record;
  return [name, status.state, `${cpus}`, `${memoryMib} MiB`, `${status.process?.pid ?? "-"}`, rootfsOf(record.source)];
}

function rootfsOf(source: Machine["record"]["source"]): string {
  return "folder" in source ? source.folder : source.image.reference;
}

function moreOf({ id, record, status }: Machine): string[] {
  const digest = "image" in record.source ? record.source.image.digest.slice(0, "sha256:".length + 12) : "-";
  const mounts = record.volumes.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ":ro" : ""}`);
  return [
    id,
    digest,
    shorten(record.command.argv.join(" ")),
    `${formatAge(record.created)} ago`,
    status.state === "running" && status.started !== null ? formatAge(status.started) : "-",
    record.ports.map(formatPort).join(",") || "-",
    mounts.join(",") || "-",
    howItEnded(status),
  ];
}

/** As docker has it: `127.0.0.1:8080->80/tcp`. */
function formatPort({ address, hostPort, guestPort }: Machine["record"]["ports"][number]): string {
  return `${formatEndpoint(address, hostPort)}->${guestPort}/tcp`;
}

function shorten(command: string): string {
  return command.length <= COMMAND_WIDTH ? command : `${command.slice(0, COMMAND_WIDTH - 1)}\u{2026}`;
}

/** The exit code, or why there is none. */
function howItEnded({ exit, reason, error }: Machine["status"]): string {
  if (error !== null) return error.message.split("\n")[0]!;
  if (reason !== null) return reason;
  if (exit === null) return "-";
  return "code" in exit ? `${exit.code}` : signalName(exit.signal);
}

/** A machine as JSON shows it. */
export function machineJson(machine: FoundMachine): object {
  if (!isReadable(machine)) return { id: machine.id, state: UNREADABLE, error: machine.error.message };
  const { record, status, ephemeral } = machine;
  const { process, exit, ...rest } = status;
  return {
    ...record,
    ephemeral,
    ...rest,
    pid: process?.pid ?? null,
    exitCode: exit === null ? null : exitCode(exit),
  };
}

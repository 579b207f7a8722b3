import { Command, Option } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { formatGuestPort } from "../config/values.ts";
import { formatEndpoint } from "../host/ip_address.ts";
import { SmolvmError } from "../errors.ts";
import { isJailed } from "../jail/facts.ts";
import type { ImageIdentity, MachineInfo, UnreadableMachineInfo, WarmMachineInfo } from "../mod.ts";
import { LISTED_STATES, WARM_STATES } from "../state/machine_state.ts";
import { option } from "./completion/kind.ts";
import { formatAge } from "./output/age.ts";
import { printLine } from "./output/print.ts";
import { formatTable, printable } from "./output/table.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
Examples:
  smolvm list
  smolvm list --verbose --filter state=running
  smolvm list --all --filter state=warm
  smolvm list --json
  smolvm delete --force $(smolvm list -q --filter state=stopped)`;

/** The most characters of a command that the table shows. */
const COMMAND_WIDTH = 32;

/** A machine, readable or not. */
type MadeInfo = MachineInfo | UnreadableMachineInfo;
/** A created machine or a warm machine. */
type AnyInfo = MadeInfo | WarmMachineInfo;

/** The filters: a machine must match one of the values of each key. */
type Filters = Partial<Record<"state" | "name", string[]>>;

/** `smolvm list`. */
export function listCommand() {
  return new Command("list")
    .summary("List machines")
    .description("List machines, including those of `run` while they are running")
    .option("-a, --all", "also list warm machines (stopped machines are always listed)")
    .option("-v, --verbose", "also print ID, digest, command, age, ports, mounts, jail and exit status")
    .option("-q, --quiet", "print only names")
    .addOption(
      new Option("--format <format>", "output format").choices(["table", "json"] as const).conflicts("quiet"),
    )
    .addOption(new Option("--json", "the same as --format json").conflicts(["format", "quiet"]))
    .addOption(
      option("machine filter", "--filter <key=value>", "list only machines with state=STATE or name=PART (repeatable)")
        .argParser(collectFilter),
    )
    .addHelpText("after", EXAMPLES)
    .action(async ({ all = false, verbose = false, quiet = false, json = false, format, filter = {} }) => {
      const warmState = filter.state?.find((state) => WARM_STATES.some((other) => other === state));
      if (warmState !== undefined && !all) {
        throw new SmolvmError("usage", `Cannot list machines in the state "${warmState}" without --all`);
      }
      const { Machine } = await import("../mod.ts");
      // Warm machines have no name yet.
      const warm = all && !quiet ? await Machine.listWarm() : [];
      const machines = [...await Machine.list(), ...warm].filter((machine) => matches(machine, filter));
      if (quiet) {
        for (const machine of machines) printLine(printable(nameOf(machine)));
      } else if (json || format === "json") {
        printLine(JSON.stringify(machines.map(machineJson), undefined, 2));
      } else {
        printTable(machines, verbose);
      }
    });
}

function collectFilter(text: string, filters: Filters = {}): Filters {
  const [, key, value] = /^(state|name)=(.*)$/s.exec(text) as [string, keyof Filters, string] | null ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError("Expected state=STATE or name=PART.");
  if (key === "state" && !LISTED_STATES.includes(value)) {
    throw new InvalidArgumentError(`Expected one of ${LISTED_STATES.join(", ")}.`);
  }
  return { ...filters, [key]: [...filters[key] ?? [], value] };
}

function matches(machine: AnyInfo, { state, name }: Filters): boolean {
  return (state?.includes(machine.state) ?? true) && (name?.some((part) => nameOf(machine).includes(part)) ?? true);
}

function nameOf(machine: AnyInfo): string {
  return "name" in machine ? machine.name : machine.id;
}

function printTable(machines: AnyInfo[], verbose: boolean): void {
  const header = ["NAME", "STATE", "CPUS", "MEMORY", "PID", "ROOTFS"];
  const more = ["ID", "DIGEST", "COMMAND", "CREATED", "UPTIME", "PORTS", "MOUNTS", "JAIL", "EXIT"];
  const rows = machines.map((machine) => {
    if (machine.state === "unreadable") return [machine.id, "unreadable", "", "", "", machine.error.message];
    return [...row(machine), ...!verbose ? [] : "name" in machine ? moreOf(machine) : moreOfWarm(machine)];
  });
  printLine(formatTable([[...header, ...verbose ? more : []], ...rows], columnsOf(Deno.stdout)));
}

function row(machine: MachineInfo | WarmMachineInfo): string[] {
  const { state, cpus, memoryMib, pid } = machine;
  const rootfs = "source" in machine ? rootfsOf(machine.source) : machine.image?.reference ?? "-";
  return [nameOf(machine), state, `${cpus}`, `${memoryMib} MiB`, `${pid ?? "-"}`, rootfs];
}

function moreOfWarm({ id, image, created, pid }: WarmMachineInfo): string[] {
  return [id, digestOf(image), "-", `${formatAge(created)} ago`, "-", "-", "-", jailOf(pid), "-"];
}

function jailOf(pid: number | null): string {
  return pid === null ? "-" : isJailed(pid) ? "yes" : "no";
}

function rootfsOf(source: MachineInfo["source"]): string {
  return "folder" in source ? source.folder : source.image.reference;
}

function digestOf(image: ImageIdentity | null): string {
  return image?.digest.slice(0, "sha256:".length + 12) ?? "-";
}

function moreOf(machine: MachineInfo): string[] {
  const { id, source, command, created, state, started } = machine;
  const mounts = machine.volumes.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ":ro" : ""}`);
  return [
    id,
    digestOf("image" in source ? source.image : null),
    shorten(command.argv.join(" ")),
    `${formatAge(created)} ago`,
    state === "running" && started !== null ? formatAge(started) : "-",
    machine.ports.map(formatPort).join(",") || "-",
    mounts.join(",") || "-",
    jailOf(machine.pid),
    howItEnded(machine),
  ];
}

/** Formats a port as docker does: `127.0.0.1:8080->80/tcp`. */
function formatPort(port: MachineInfo["ports"][number]): string {
  return `${formatEndpoint(port.address, port.hostPort)}->${formatGuestPort(port)}`;
}

function shorten(command: string): string {
  return command.length <= COMMAND_WIDTH ? command : `${command.slice(0, COMMAND_WIDTH - 1)}\u{2026}`;
}

/** Returns the exit code, or the reason why there is none. */
function howItEnded({ error, reason, exitSignal, exitCode, oomKilled }: MachineInfo): string {
  const end = error?.message.split("\n")[0] ?? reason ?? exitSignal ?? `${exitCode ?? "-"}`;
  return oomKilled ? `${end} (out of memory)` : end;
}

/** The JSON output for a machine. */
export function machineJson(machine: AnyInfo): object {
  return machine.state === "unreadable" ? { ...machine, error: machine.error.message } : machine;
}

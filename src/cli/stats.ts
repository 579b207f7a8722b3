import { Command, Option } from "@commander-js/extra-typings";
import type { ReadableMachine } from "../machine/find.ts";
import type { MachineStats } from "../requests/stats.ts";
import { argument } from "./completion/kind.ts";
import { writeOutput } from "./output/print.ts";
import { formatMemory } from "../size.ts";
import { formatTable } from "./output/table.ts";
import { forEachTarget } from "./targets.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
CPU % is relative to one CPU of the host. RESIDENT is the host memory that the
VM takes. MEMORY is the memory used in the guest and its size; DISK is the space
used on the host and the size of the disk. NET is the data that the guest has
received and sent since it started.

Examples:
  smolvm stats
  smolvm stats --no-stream web db
  smolvm stats --no-stream --format json`;

/** Clears the terminal, once: later output overwrites the old text, which avoids flicker. */
const CLEAR = "\x1b[2J";
const HEADER = ["NAME", "CPU %", "RESIDENT", "MEMORY", "DISK", "NET", "PIDS"];
const UNKNOWN = "-";

/** `smolvm stats`. */
export function statsCommand(setExitCode: (code: number) => void) {
  return new Command("stats")
    .summary("Show the resource usage of running machines")
    .description("Show the resource usage of running machines every second")
    .addArgument(
      argument("live machine", "[name...]", "machines, by name or ID prefix (default: all running machines)"),
    )
    .option("--no-stream", "print once and exit")
    .addOption(new Option("--format <format>", "output format").choices(["table", "json"] as const))
    .addHelpText("after", EXAMPLES)
    .action(async (names, { stream, format }) => {
      const [{ watchStats }, { requireRunning }, { isLive, isReadable, listMachines, openMachine }] = await Promise.all(
        [
          import("../requests/stats.ts"),
          import("../requests/exec.ts"),
          import("../machine/find.ts"),
        ],
      );
      const named: ReadableMachine[] = [];
      const exitCode = await forEachTarget(names, (name) => {
        const machine = openMachine(name);
        requireRunning(machine);
        named.push(machine);
      });
      if (exitCode !== 0) return setExitCode(exitCode);
      const wanted = ({ id, status }: ReadableMachine) =>
        isLive(status.state) && (named.length === 0 || named.some((machine) => machine.id === id));
      const repaint = stream && format !== "json" && Deno.stdout.isTerminal();
      if (repaint) await print(CLEAR);
      for await (const stats of watchStats(() => listMachines().filter(isReadable).filter(wanted))) {
        const text = format === "json" ? JSON.stringify(stats, undefined, stream ? undefined : 2) : tableOf(stats);
        const wasRead = await print(repaint ? paint(text) : `${text}\n`);
        if (!wasRead || !stream || named.length > 0 && stats.length === 0) return;
      }
    });
}

/** Returns the escape sequences that replace the whole screen with a text. */
function paint(text: string): string {
  const [home, clearLine, clearBelow] = ["\x1b[H", "\x1b[K", "\x1b[J"];
  return `${home}${text.replaceAll("\n", `${clearLine}\n`)}${clearLine}\n${clearBelow}`;
}

/** Prints to standard output; returns false when the reader has closed the pipe. */
async function print(text: string): Promise<boolean> {
  try {
    await writeOutput("stdout", new TextEncoder().encode(text));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

function tableOf(stats: MachineStats[]): string {
  return formatTable([HEADER, ...stats.map(row)], columnsOf(Deno.stdout));
}

function row(stats: MachineStats): string[] {
  const { name, cpuPercent, residentBytes, processes } = stats;
  return [
    name,
    cpuPercent === null ? UNKNOWN : `${cpuPercent.toFixed(1)}%`,
    amount(residentBytes),
    `${amount(stats.guestUsedBytes)} / ${amount(stats.guestMemoryBytes)}`,
    `${amount(stats.diskUsedBytes)} / ${amount(stats.diskBytes)}`,
    stats.netReceivedBytes === null ? UNKNOWN : `${amount(stats.netReceivedBytes)} / ${amount(stats.netSentBytes)}`,
    `${processes ?? UNKNOWN}`,
  ];
}

function amount(bytes: number | null): string {
  return bytes === null ? UNKNOWN : formatMemory(bytes);
}

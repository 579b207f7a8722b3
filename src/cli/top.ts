import { Command } from "@commander-js/extra-typings";
import type { GuestProcess } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { printLine } from "./output/print.ts";
import { formatMemory } from "../size.ts";
import { formatTable } from "./output/table.ts";
import { forEachTarget } from "./targets.ts";
import { columnsOf } from "./terminal.ts";

const EXAMPLES = `
TIME is CPU time; %CPU is CPU time divided by the age of the process.

Examples:
  smolvm top web`;

const HEADER = ["PID", "UID", "STAT", "%CPU", "TIME", "RSS", "COMMAND"];

/** `smolvm top`. */
export function topCommand(setExitCode: (code: number) => void) {
  return new Command("top")
    .summary("List the processes in a running machine")
    .description("List the processes in a running machine")
    .addArgument(machineArgument("live machine"))
    .addHelpText("after", EXAMPLES)
    .action(async (name) => {
      setExitCode(
        await forEachTarget([name], async (name) => {
          const processes = await (await getMachine(name)).processes();
          printLine(formatTable([HEADER, ...processes.map(row)], columnsOf(Deno.stdout)));
        }),
      );
    });
}

function row({ pid, uid, state, cpuMs, ageMs, residentBytes, command }: GuestProcess): string[] {
  const percent = ageMs === 0 ? 0 : cpuMs / ageMs * 100;
  return [`${pid}`, `${uid}`, state, percent.toFixed(1), formatTime(cpuMs), formatMemory(residentBytes), command];
}

/** `0:07`, `12:34` or `100:00:00`. */
function formatTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const pad = (count: number) => `${count}`.padStart(2, "0");
  return `${hours > 0 ? `${hours}:${pad(minutes)}` : minutes}:${pad(seconds % 60)}`;
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import type { NetworkEvent, OutputChunk } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { writeOutput } from "./output/print.ts";
import { parseTail } from "./parse.ts";
import { parseTime } from "./parse_time.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
TIME is a time such as 2026-11-23T12:00:00Z (local time without the Z), seconds
since 1970, or an age: 90s, 10m, 1h30m, 2d.

Examples:
  smolvm logs web
  smolvm logs -f --tail 20 web
  smolvm logs -t --since 1h30m --until 10m web
  smolvm logs --network -f web
  smolvm logs --kernel web`;

/** `smolvm logs`. */
export function logsCommand(setExitCode: (code: number) => void) {
  return new Command("logs")
    .summary("Print the output of a machine's command")
    .description("Print the output of a machine's command from all its runs, each stream to the same stream")
    .addArgument(machineArgument())
    .option("-f, --follow", "follow the output until the machine stops")
    .option("-n, --tail <lines>", "number of lines to print from the end, or all", parseTail)
    .option("--since <time>", "print only output since this time", parseTime)
    .option("--until <time>", "print only output until this time", parseTime)
    .option("-t, --timestamps", "prefix each line with its time")
    .option("--network", "instead, print what the network refused in the current or last run, and why")
    .option("--json", "with --network: print one JSON object per line")
    .option("--kernel", "instead, print the guest's console, and the log of the VM on standard error")
    .addHelpText("after", EXAMPLES)
    .action(async (name, { follow = false, tail, kernel = false, network, json, since, until, timestamps = false }) => {
      if (network && kernel) throw new SmolvmError("usage", "Cannot use --network with --kernel: one log at a time");
      if (json && (!network || timestamps)) {
        throw new SmolvmError("usage", `Cannot use --json ${network ? "with --timestamps" : "without --network"}`);
      }
      const ofTime = timestamps ? "timestamps" : since ? "since" : until && "until";
      if (kernel && ofTime) {
        throw new SmolvmError("usage", `Cannot use --${ofTime} with --kernel: the lines of these logs have no times`);
      }
      setExitCode(
        await forEachTarget([name], async () => {
          const machine = await getMachine(name);
          const range = { follow, tail, since, until };
          if (network) await print(asText(machine.networkLog(range), { json, timestamps }));
          else await print(machine.logs({ ...range, timestamps, kernel }));
        }),
      );
    });
}

async function* asText(
  events: AsyncIterable<NetworkEvent>,
  { json = false, timestamps }: { json: boolean | undefined; timestamps: boolean },
): AsyncGenerator<OutputChunk> {
  const { describeEvent } = await import("../machine/logs.ts");
  for await (const event of events) {
    const line = json ? JSON.stringify(event) : `${timestamps ? `${event.time} ` : ""}${describeEvent(event)}`;
    yield { stream: "stdout", data: new TextEncoder().encode(`${line}\n`) };
  }
}

/** Prints the output; ends silently when the reader closes the pipe, as `head` does. */
async function print(output: AsyncIterable<OutputChunk>): Promise<void> {
  try {
    for await (const { stream, data } of output) await writeOutput(stream, data);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { option } from "./completion/kind.ts";
import { printLine, writeError } from "./output/print.ts";
import { parseCpus, parseMemory } from "./parse.ts";

const EXAMPLES = `
A machine that waits has no root filesystem yet, or that of an image, and takes
its guest's memory. "smolvm run" takes one if its size and image fit, if its
disk has the default size, and if it needs no network and no published port; its
place is filled again. Those that nobody takes end after the time of "warm_idle"
of the configuration.

Examples:
  smolvm warm
  smolvm warm --count 3 --memory 1g
  smolvm warm --image alpine
  smolvm warm --count 0`;

/** `smolvm warm`. */
export function warmCommand() {
  return new Command("warm")
    .summary("Boot machines that wait for the next run")
    .description("Boot machines that wait for the next run, which then starts without a boot")
    .option("-n, --count <number>", "how many are to wait; 0 ends all that do (default: 1)", parseCount)
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g (default: 512)", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs (default: 1)", parseCpus)
    .addOption(option("image", "--image <image>", "image that they are for alone, pulled when it is missing"))
    .option("-q, --quiet", "no progress")
    .addHelpText("after", EXAMPLES)
    .action(async ({ count = 1, memory, cpus, image }, self) => {
      const [given] = Object.entries({ memory, cpus, image }).find(([, value]) => value !== undefined) ?? [];
      if (count === 0 && given !== undefined) {
        throw new SmolvmError("usage", `Cannot use --${given} with --count 0: it ends all machines that wait`);
      }
      const { Machine } = await import("../mod.ts");
      const onPullProgress = self.optsWithGlobals().quiet ? undefined : writeError;
      await Machine.warm(count, { memoryMib: memory, cpus, image, onPullProgress, bootTimeoutMs: bootTimeoutMs() });
      printLine(count === 0 ? "No machine waits" : `Machines that wait: ${count}`);
    });
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a number.");
  return Number(text);
}

import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { bootTimeoutMs } from "./boot_timeout.ts";
import { option } from "./completion/kind.ts";
import { printLine, writeError } from "./output/print.ts";
import { parseCpus, parseMemory } from "./parse.ts";

const EXAMPLES = `
A warm machine takes the memory of its guest. It has no root filesystem yet, or
with --image that of the image. "smolvm run" uses a warm machine if CPUs, memory
and image match, the disk has the default size, and the run needs no network and
no published ports. Another warm machine then takes its place. Unused warm
machines stop after the configured time (config key "warm_idle").

Examples:
  smolvm warm
  smolvm warm --count 3 --memory 1g
  smolvm warm --image alpine
  smolvm warm --count 0`;

/** `smolvm warm`. */
export function warmCommand() {
  return new Command("warm")
    .summary("Keep booted machines ready for the next run")
    .description("Keep booted machines ready, so that the next run starts without a boot")
    .option("-n, --count <number>", "number of warm machines; 0 stops all of them (default: 1)", parseCount)
    .option("-m, --memory <size>", "memory: MiB, or with a unit such as 512m or 1g (default: 512)", parseMemory)
    .option("-c, --cpus <count>", "virtual CPUs (default: 1)", parseCpus)
    .addOption(option("image", "--image <image>", "keep machines for runs of this image only; pull it if missing"))
    .option("-q, --quiet", "do not show progress")
    .addHelpText("after", EXAMPLES)
    .action(async ({ count = 1, memory, cpus, image }, self) => {
      const [given] = Object.entries({ memory, cpus, image }).find(([, value]) => value !== undefined) ?? [];
      if (count === 0 && given !== undefined) {
        throw new SmolvmError("usage", `Cannot use --${given} with --count 0: it stops all warm machines`);
      }
      const { Machine } = await import("../mod.ts");
      const onPullProgress = self.optsWithGlobals().quiet ? undefined : writeError;
      await Machine.warm(count, { memoryMib: memory, cpus, image, onPullProgress, bootTimeoutMs: bootTimeoutMs() });
      printLine(count === 0 ? "No warm machines" : `Warm machines: ${count}`);
    });
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a number.");
  return Number(text);
}

/**
 * Compares the time of `smolvm --version`, of the checkout and of the download, with an empty Deno program, and prints
 * the size of the modules that the download loads. The runs alternate; of the times, only the ratios are meaningful.
 *
 *     deno run -A tests/bench/startup.ts DOWNLOAD [--runs N]
 *
 * @module
 */

import { SMOLVM } from "../helpers/cli.ts";
import { modulesOfProgram, modulesOfRunner } from "../helpers/loaded_modules.ts";
import { median, runsOf } from "./measure.ts";

const RUNS = runsOf(Deno.args, 21);

const download = Deno.args[0]!;
const version = { args: ["--version"] };
const cases = {
  "deno eval 0": { command: Deno.execPath(), args: ["eval", "0"] },
  checkout: { command: SMOLVM, ...version },
  download: { command: `${download}/smolvm`, ...version },
};

/** Measures the time from a program's start to its exit, in milliseconds. */
async function time({ command, args }: { command: string; args: string[] }): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "inherit" })
    .spawn().status;
  if (!success) throw new Error(`${command} ${args.join(" ")} failed`);
  return performance.now() - start;
}

const times: Record<string, number[]> = {};
for (const run of Object.values(cases)) await time(run); // fills caches
for (let round = 0; round < RUNS; round++) {
  for (const [name, run] of Object.entries(cases)) (times[name] ??= []).push(await time(run));
}
const nothingMs = median(times["deno eval 0"]!);
for (const [name, values] of Object.entries(times)) {
  const ms = median(values);
  console.log(`${name.padEnd(11)} ${ms.toFixed(0).padStart(4)} ms  ${(ms / nothingMs).toFixed(2)} x (${RUNS} runs)`);
}

const program = `${download}/lib/portable`;
const loaded = {
  "--version": await modulesOfProgram(program, ["--version"]),
  "--help": await modulesOfProgram(program, ["--help"]),
  "__runner": await modulesOfRunner(program),
};
for (const [name, modules] of Object.entries(loaded)) {
  const kib = modules.reduce((sum, { bytes }) => sum + bytes, 0) / 1024;
  console.log(`${name.padEnd(11)} ${String(modules.length).padStart(4)} modules ${kib.toFixed(0).padStart(5)} KiB`);
}

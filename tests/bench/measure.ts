/** Helpers that the benchmarks share. */

import { Machine } from "../../src/mod.ts";
import { setEnv } from "../helpers/env.ts";

/** Returns the value of `--runs`, or `otherwise`. */
export function runsOf(args: readonly string[], otherwise: number): number {
  const index = args.indexOf("--runs");
  return index < 0 ? otherwise : Number(args[index + 1]);
}

/** Reports the progress of a benchmark, which takes minutes in the emulated machine. */
export function progress(done: string): void {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s: ${done}`);
}

/** Measures `count` sequential commands in a running machine with this checkout's module; returns text to print. */
export async function moduleExec(name: string, env: Record<string, string>, count: number): Promise<string> {
  using _ = setEnv(env);
  const machine = await Machine.get(name);
  return `module: ${await execsInARow(() => machine.exec(["true"]), count)}`;
}

/** Measures `count` sequential commands; returns text to print. */
export async function execsInARow(exec: () => PromiseLike<unknown>, count: number): Promise<string> {
  const times: number[] = [];
  for (let run = 0; run < count; run++) {
    const start = performance.now();
    await exec();
    times.push(performance.now() - start);
  }
  return `${median(times).toFixed(1)} ms for each of ${count} execs in a row (${Math.min(...times).toFixed(1)} to ${
    Math.max(...times).toFixed(1)
  })`;
}

/** Measures the host memory of a process; returns text to print. */
export async function memoryOf(pid: number): Promise<string> {
  const mib = await memoryInMib(pid, "Rss", "Pss", "Private_Dirty");
  const [resident, share, own] = mib.map((mib) => mib.toFixed(1));
  return `${resident} MiB resident, ${share} proportional (PSS), ${own} private and dirty`;
}

/** Returns the host memory of some processes in MiB, as the sum of their proportional set sizes (PSS). */
export async function sharesOf(pids: readonly number[]): Promise<number> {
  const shares = await Promise.all(pids.map((pid) => memoryInMib(pid, "Pss")));
  return shares.flat().reduce((sum, share) => sum + share);
}

async function memoryInMib(pid: number, ...names: string[]): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  return names.map((name) => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)![1]) / 1024);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

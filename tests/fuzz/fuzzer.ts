/**
 * The common part of the fuzzers. Each iteration has its own seed; the error of a failed iteration contains it.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Random } from "./random.ts";

/** Runs one iteration; only the first one, with `isFirst`, runs checks that are too slow for all. */
export type FuzzCheck = (seed: number, isFirst: boolean) => Promise<void>;

/** A seeded fuzzer. */
export class Fuzzer {
  readonly #script: string;
  readonly #check: FuzzCheck;

  /** @param script the path of the script that reproduces a failure */
  constructor(script: string, check: FuzzCheck) {
    this.#script = script;
    this.#check = check;
  }

  /** Fuzzes `iterations` times from `seed`; the error of a failed iteration contains the command to reproduce it. */
  async run(seed: number, iterations: number): Promise<void> {
    const seeds = new Random(seed);
    for (let iteration = 0; iteration < iterations; iteration++) await this.reproduce(seeds.u32(), iteration === 0);
  }

  /** Runs the iteration with this seed. */
  async reproduce(seed: number, isFirst = true): Promise<void> {
    try {
      await this.#check(seed, isFirst);
    } catch (error) {
      throw new Error(`Reproduce with: ${this.#script} --repro ${seed}`, { cause: error });
    }
  }

  /** Runs the command line: `[--seed N] [--iterations N]`, or `--repro SEED`. */
  async main({ iterations: byDefault }: { iterations: number }): Promise<void> {
    const { values } = parseArgs({
      options: { seed: { type: "string" }, iterations: { type: "string" }, repro: { type: "string" } },
    });
    if (values.repro !== undefined) return await this.reproduce(parseCount("--repro", values.repro));
    const seed = values.seed === undefined ? Date.now() % 2 ** 32 : parseCount("--seed", values.seed);
    const iterations = values.iterations === undefined ? byDefault : parseCount("--iterations", values.iterations);
    console.log(`seed ${seed}, ${iterations} iterations`);
    await this.run(seed, iterations);
  }
}

function parseCount(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`Cannot use ${option} "${text}": expected a whole number`);
  return Number(text);
}

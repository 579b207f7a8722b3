/**
 * Compares the time of `smolvm list` with 1,000 stopped machines and with none. The runs alternate; only the ratio is
 * meaningful.
 *
 *     deno run -A tests/bench/list.ts [--runs N]
 *
 * @module
 */

import { createMachine } from "../../src/state/machines.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { setEnv } from "../helpers/env.ts";
import { makeRecord } from "../helpers/machines.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { median, runsOf } from "./measure.ts";

const MACHINES = 1_000;
const RUNS = runsOf(Deno.args, 15);

using none = makeTempFolder();
using many = makeTempFolder();
{
  using _ = setEnv({ XDG_STATE_HOME: many.path });
  for (let index = 0; index < MACHINES; index++) {
    const id = index.toString(16).padStart(12, "0");
    await createMachine(makeRecord({ id, name: `machine-${index}` }), () => {});
  }
}

/** Measures `smolvm list`, in milliseconds. */
async function time(state: string): Promise<number> {
  const start = performance.now();
  const { success, stdout } = await new Deno.Command(SMOLVM, { args: ["list"], env: { XDG_STATE_HOME: state } })
    .output();
  const ms = performance.now() - start;
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").length;
  if (!success || lines !== (state === many.path ? MACHINES : 0) + 1) {
    throw new Error(`smolvm list failed: ${lines} lines`);
  }
  return ms;
}

const times: Record<"none" | "many", number[]> = { none: [], many: [] };
for (let run = 0; run < RUNS; run++) {
  times.none.push(await time(none.path));
  times.many.push(await time(many.path));
}
const [noneMs, manyMs] = [median(times.none), median(times.many)];
const ratio = (manyMs / noneMs).toFixed(2);
console.log(
  `list of ${MACHINES} machines: ${manyMs.toFixed(0)} ms, of none: ${noneMs.toFixed(0)} ms, ${ratio} x (${RUNS} runs)`,
);

import { cacheCompiledRunner } from "../link/compiled_runner.ts";
import { adoptSpareRunner, dismissSpareRunner } from "../link/spare_runner.ts";
import { runWithoutCommander } from "./direct.ts";
import { MACHINE_OPTIONS } from "./machine_options.ts";
import { RUN_OPTIONS, runAttached, type RunLineOptions } from "./run_line.ts";

/** Runs this process's `smolvm run` and returns its exit code; `undefined` if the full program must run it. */
export const runDirectly = () =>
  runWithoutCommander([...MACHINE_OPTIONS, ...RUN_OPTIONS], ({ options: given, operands }) => {
    const options = given as unknown as RunLineOptions;
    return options.detach ? undefined : run(operands, options);
  });

async function run(words: string[], options: RunLineOptions): Promise<number> {
  adoptSpareRunner();
  try {
    const code = await runAttached({ name: "run", words, options });
    cacheCompiledRunner();
    return code;
  } finally {
    await dismissSpareRunner();
  }
}

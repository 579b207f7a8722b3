/**
 * The entry of the program. Each way in is imported when taken, so that none pays for the others.
 *
 * @module
 */

import "./runner/entry.ts"; // First: in an executable, a runner is this program too.
import deno from "../deno.json" with { type: "json" };
import { reportError } from "./cli/report.ts";
import { exitCodeOf } from "./errors.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  // Not worth the whole command line, which knows it as well.
  if (args.length === 1 && args[0] === "--version") {
    console.log(deno.version);
    return 0;
  }
  await using cleanup = new AsyncDisposableStack();
  try {
    if (args[0] === "run" || args[0] === "start") {
      const { dismissSpareRunner, startSpareRunner } = await import("./machine/spawn_runner.ts");
      startSpareRunner();
      cleanup.defer(dismissSpareRunner);
    }
    const { runProgram } = await import("./cli/program.ts");
    return await runProgram(args);
  } catch (error) {
    reportError(error);
    return exitCodeOf(error);
  }
}

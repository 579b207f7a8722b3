/**
 * The entry of the program. Each way in is imported when taken, so that none pays for the others.
 *
 * @module
 */

import { reportError } from "./cli/report.ts";
import { exitCodeOf } from "./errors.ts";
import { dismissSpareRunner, startSpareRunner } from "./machine/spare_runner.ts";

if (import.meta.main) {
  if (Deno.args[0] === "__runner") {
    const { runnerMain } = await import("./runner/main.ts");
    await runnerMain();
  }
  if (Deno.args[0] === "__probe") {
    const { probeLibraries } = await import("./runner/probe.ts");
    console.log(JSON.stringify(probeLibraries()));
    Deno.exit(0);
  }
  const exitCode = await main(Deno.args);
  await dismissSpareRunner();
  Deno.exit(exitCode);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    if (args[0] === "run" || args[0] === "start") startSpareRunner();
    const { runProgram } = await import("./cli/program.ts");
    return await runProgram(args);
  } catch (error) {
    reportError(error);
    return exitCodeOf(error);
  }
}

import type { SmolvmError } from "../errors.ts";
import { configureLog } from "../log.ts";
import { encodeStart } from "../state/start_report.ts";
import { preloadLibraries } from "./libraries.ts";
import { Lifeline } from "./lifeline.ts";
import { runMachine } from "./machine.ts";
import { parseRunnerSpec } from "./spec.ts";

/** The whole life of a runner: one machine, from the specification on standard input to its end. */
export async function runnerMain(): Promise<never> {
  const lifeline = new Lifeline(Deno.stdin);
  const libraries = preloadLibraries();
  const json = await lifeline.specification;
  // Nobody wanted a machine after all.
  if (json === undefined) Deno.exit(0);
  const spec = parseRunnerSpec(json);
  configureLog({ level: spec.logLevel, sink: writeLog });
  let reported = false;
  const report = (result: { pid: number } | SmolvmError) => {
    if (reported) return;
    reported = true;
    try {
      Deno.stdout.writeSync(encodeStart(result));
    } catch {
      // Whoever started it is gone: a machine that persists goes on without.
    }
  };
  await runMachine(spec, { lifeline, libraries, report: { ready: () => report({ pid: Deno.pid }), failed: report } });
  // Ends the VM too, which is a thread of this process.
  Deno.exit(0);
}

/** Standard error is the machine's log as soon as there is one. */
function writeLog(line: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch {
    // A full disk takes the log, not the machine.
  }
}

import type { SmolvmError } from "../errors.ts";
import { configureLog } from "../log.ts";
import { parseRunnerSpec } from "../runner_interface/spec.ts";
import { encodeStart } from "../runner_interface/start_report.ts";
import { Lifeline } from "./lifeline.ts";
import { runMachine } from "./machine.ts";
import { prepareRunner } from "./prepared.ts";

/** Runs one machine: reads its specification from standard input, runs it, and exits. */
export async function runnerMain(): Promise<never> {
  const lifeline = new Lifeline(Deno.stdin);
  const prepared = prepareRunner();
  const json = await lifeline.specification;
  // The client did not need a machine.
  if (json === undefined) Deno.exit(0);
  const spec = parseRunnerSpec(json);
  configureLog({ level: spec.logLevel, sink: writeLog });
  let reported = false;
  const write = (result: { pid: number } | SmolvmError) => {
    try {
      Deno.stdout.writeSync(encodeStart(result));
    } catch {
      // The client is gone: a persistent machine continues without it.
    }
  };
  const once = (result: { pid: number } | SmolvmError) => {
    if (!reported) write(result);
    reported = true;
  };
  const running = { pid: Deno.pid };
  const report = { waits: () => write(running), ready: () => once(running), failed: once };
  await runMachine(spec, { lifeline, prepared, report });
  // Ends the VM too, which is a thread of this process.
  Deno.exit(0);
}

/** Writes to standard error, which becomes the machine's log once there is one. */
function writeLog(line: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch {
    // A full disk stops the log, not the machine.
  }
}

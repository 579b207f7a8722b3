import { SmolvmError } from "../errors.ts";
import { log } from "../log.ts";
import { parseRunnerSpec, type RunnerSpec, type WarmSpec } from "../runner_interface/spec.ts";
import { imageOf } from "../state/machine_record.ts";
import { registerWarm } from "../state/warm.ts";
import { type BootFolder, boundBootFolder } from "./boot_folder.ts";
import type { Lifeline } from "./lifeline.ts";
import type { StatusWriter } from "./status_writer.ts";
import type { StopSignals } from "./stop_signals.ts";

/**
 * A machine that boots before anybody wants it, as its runner sees it; `src/jail/helper/warm.c` is the other side.
 *
 * @module
 */

/** What waiting takes. */
export interface Waiting {
  lifeline: Lifeline;
  /** `waits` is for who started it, `ready` for who takes it. */
  report: { waits(): void; ready(): void };
  signals: StopSignals;
  status: StatusWriter;
}

/** Makes a machine known that waits; who takes it makes it known as what it is then. */
export async function registerWaiting(
  { folder, machine }: RunnerSpec,
  { host, most, idleS, mounts }: WarmSpec,
): Promise<void> {
  const { cpus, memoryMib } = machine;
  const image = imageOf(machine);
  await registerWarm(folder, { cpus, memoryMib, host, image, most, idleS, mounts, created: new Date().toISOString() });
}

/** Waits until somebody takes this machine, which then is what they say. Until then it ends at once when asked to. */
export async function untilTaken(
  spec: RunnerSpec,
  boot: BootFolder,
  { lifeline, report, signals, status }: Waiting,
): Promise<void> {
  const stopped = Promise.withResolvers<undefined>();
  signals.deliver(() => stopped.resolve(undefined));
  // Who ends those that still boot must not take it for one.
  await status.set({ state: "created" });
  report.waits();
  const json = await Promise.race([lifeline.taking, stopped.promise]);
  if (json === undefined) throw new SmolvmError("interrupted", "No run took the warm machine");
  Object.assign(spec, parseRunnerSpec(json));
  log("debug", "the machine was taken");
  // smolvm-jail has mounted its root and its volumes.
  Object.assign(boot, boundBootFolder(spec.machine.volumes));
  await status.set({ state: "starting" });
}

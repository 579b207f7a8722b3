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
 * The runner's side of a warm machine, which boots before a client needs it. `src/jail/helper/warm.c` is the other.
 *
 * @module
 */

/** What {@linkcode untilTaken} uses. */
export interface Waiting {
  lifeline: Lifeline;
  /** `waits` is for the process that started the machine, `ready` for the client that takes it. */
  report: { waits(): void; ready(): void };
  signals: StopSignals;
  status: StatusWriter;
}

/** Registers a warm machine. The client that takes it registers it under its name. */
export async function registerWarmMachine(
  { folder, machine }: RunnerSpec,
  { host, most, idleS, mounts }: WarmSpec,
): Promise<void> {
  const { cpus, memoryMib } = machine;
  const image = imageOf(machine);
  await registerWarm(folder, { cpus, memoryMib, host, image, most, idleS, mounts, created: new Date().toISOString() });
}

/** Waits until a client takes this machine, then applies the client's spec. Until then, a signal ends it at once. */
export async function untilTaken(
  spec: RunnerSpec,
  boot: BootFolder,
  { lifeline, report, signals, status }: Waiting,
): Promise<void> {
  const stopped = Promise.withResolvers<undefined>();
  signals.deliver(() => stopped.resolve(undefined));
  // A process that ends booting machines must not mistake this one for a booting machine.
  await status.set({ state: "created" });
  report.waits();
  const json = await Promise.race([lifeline.takerSpecification, stopped.promise]);
  if (json === undefined) throw new SmolvmError("interrupted", "No run took the warm machine");
  Object.assign(spec, parseRunnerSpec(json));
  log("debug", "the machine was taken");
  // smolvm-jail has mounted the root and the volumes.
  Object.assign(boot, boundBootFolder(spec.machine.volumes));
  await status.set({ state: "starting" });
}

import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { isLocked } from "../host/lock.ts";
import { awaitDeath, killProcess } from "../host/process_identity.ts";
import { sleep } from "../host/sleep.ts";
import { CONTROL, encodeStop } from "../protocol/control.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import { sweepEphemeralMachines } from "../state/ephemeral.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { isLive, observeStatus, readStatus } from "../state/status.ts";
import { machineLock } from "../state/machine_folders.ts";
import { isDisconnect } from "../protocol/attachment.ts";
import { recordEnd } from "./record_end.ts";

/** How a machine is to be stopped. */
export interface StopMachineOptions {
  /** How long its command may take after it was asked to end, in ms. */
  timeoutMs: number;
  /** What happens to a guest that has not ended `ANSWER_MS` after that: its VM is killed, or it is an error. */
  force: boolean;
}

/** How long a guest may take to kill what is left in it and to sync its disk before it is taken to be hung. */
const ANSWER_MS = 10_000;
/** How long a guest may take to boot, before which it cannot answer. */
const BOOT_MS = 60_000;
/** How long what a machine leaves may take to be removed. */
const CLEAN_UP_MS = 3000;
const POLL_MS = 20;

/**
 * Asks a machine's command to end, and has its guest shut down with a clean disk. A machine that does not run is left
 * alone.
 *
 * @throws {SmolvmError} `guest` when the guest does not answer.
 */
export async function stopMachine(machine: ReadableMachine, { timeoutMs, force }: StopMachineOptions): Promise<void> {
  if (!isLive(machine.status.state)) return;
  const limitMs = timeoutMs + (force ? 0 : ANSWER_MS);
  const asked = performance.now();
  let answerable = asked;
  using requests = new DisposableStack();
  let isRequested = false;
  let { process } = machine.status;
  while (isLocked(machineLock(machine.folder))) {
    isRequested ||= await requestStop(machine, timeoutMs, requests);
    const now = performance.now();
    const status = readStatus(machine.folder);
    process ??= status?.process ?? null;
    if (!force && now - asked < BOOT_MS && status?.state === "starting") answerable = now;
    if (now - answerable > limitMs) {
      if (force) return await killMachine(machine);
      const { name } = machine.record;
      throw new SmolvmError("guest", `Machine "${name}" did not stop within ${limitMs / 1000} s`, {
        hint: `Kill its VM without syncing its disk: smolvm stop --force ${name}`,
      });
    }
    await sleep(POLL_MS);
  }
  // Its published ports and its memory are free when its process is gone, a moment after the lock.
  if (process) await awaitDeath(process);
  await untilCleanedUp(machine);
}

/** Settles when what cleans up behind the process of a machine that has ended is done, which takes it a moment. */
async function untilCleanedUp({ folder, runtimeFolder }: ReadableMachine): Promise<void> {
  const deadline = performance.now() + CLEAN_UP_MS;
  // Where somebody has killed that as well, or has started the machine again, there is nothing to wait for.
  while (performance.now() < deadline && (isLocked(machineLock(folder)) || exists(runtimeFolder))) await sleep(POLL_MS);
}

/**
 * Kills the VM of a machine, which takes a moment.
 *
 * @throws {SmolvmError} `machine-state` when its process cannot be told from another.
 */
export async function killMachine(machine: ReadableMachine): Promise<void> {
  const { folder, runtimeFolder, record, ephemeral } = machine;
  const { process, state } = observeStatus(folder);
  const killed = process !== null && await killProcess(process);
  if (process) await untilCleanedUp(machine);
  // A runner that has said how its machine ended is about to end too.
  if (!killed && isLive(state) && isLocked(machineLock(folder))) {
    throw new SmolvmError(
      "machine-state",
      `Cannot kill machine "${record.name}": the process that holds it is unknown`,
    );
  }
  if (ephemeral) return await sweepEphemeralMachines();
  await recordEnd({ folder, runtimeFolder });
}

/** Hands the request over, on a connection that is left open; `false` when nobody takes it now. */
async function requestStop(machine: ReadableMachine, timeoutMs: number, open: DisposableStack): Promise<boolean> {
  try {
    const writer = new FrameWriter(await Deno.connect({ transport: "unix", path: controlSocket(machine) }));
    open.defer(() => writer.close());
    writer.send(CONTROL.STOP, 0, encodeStop({ signal: machine.record.stopSignal, timeoutMs }));
    return true;
  } catch (error) {
    // A runner that has just begun does not listen yet, one that is about to end no more.
    if (isDisconnect(error)) return false;
    throw error;
  }
}

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

/** How {@linkcode stopMachine} stops a machine. */
export interface StopMachineOptions {
  /** How long its command may take to end after the stop signal, in ms. */
  timeoutMs: number;
  /** Whether to kill the VM if the guest has not ended after `timeoutMs`. Otherwise fail, `ANSWER_MS` later. */
  force: boolean;
}

/** How long a guest may take to kill its processes and sync its disk; after that it counts as hung. */
const ANSWER_MS = 10_000;
/** How long to wait for a guest that is still booting: it cannot answer before it has booted. */
const BOOT_MS = 60_000;
/** How long to wait for the removal of the machine's files. */
const CLEAN_UP_MS = 3000;
const POLL_MS = 20;

/**
 * Asks a machine's command to end and its guest to shut down with a clean disk. Does nothing if the machine does not
 * run.
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
  // The process ends a moment after it frees the lock; only then are its ports and its memory free.
  if (process) await awaitDeath(process);
  await untilCleanedUp(machine);
}

/** Waits until the supervisor has cleaned up after a machine's process that has ended. */
async function untilCleanedUp({ folder, runtimeFolder }: ReadableMachine): Promise<void> {
  const deadline = performance.now() + CLEAN_UP_MS;
  // Limited, because the supervisor may have been killed too, or the machine started again.
  while (performance.now() < deadline && (isLocked(machineLock(folder)) || exists(runtimeFolder))) await sleep(POLL_MS);
}

/**
 * Kills the VM of a machine and waits until it is gone.
 *
 * @throws {SmolvmError} `machine-state` when its process is unknown.
 */
export async function killMachine(machine: ReadableMachine): Promise<void> {
  const { folder, runtimeFolder, record, ephemeral } = machine;
  const { process, state } = observeStatus(folder);
  const killed = process !== null && await killProcess(process);
  if (process) await untilCleanedUp(machine);
  // If the state is no longer live, the runner has reported the machine's end and is about to exit.
  if (!killed && isLive(state) && isLocked(machineLock(folder))) {
    throw new SmolvmError(
      "machine-state",
      `Cannot kill machine "${record.name}": the process that holds it is unknown`,
    );
  }
  if (ephemeral) return await sweepEphemeralMachines();
  await recordEnd({ folder, runtimeFolder });
}

/** Sends the stop request on a connection that stays open; returns `false` when the runner does not accept it now. */
async function requestStop(machine: ReadableMachine, timeoutMs: number, open: DisposableStack): Promise<boolean> {
  try {
    const writer = new FrameWriter(await Deno.connect({ transport: "unix", path: controlSocket(machine) }));
    open.defer(() => writer.close());
    writer.send(CONTROL.STOP, 0, encodeStop({ signal: machine.record.stopSignal, timeoutMs }));
    return true;
  } catch (error) {
    // The runner does not listen yet, or no longer.
    if (isDisconnect(error)) return false;
    throw error;
  }
}

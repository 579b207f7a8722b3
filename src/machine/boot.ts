import { exists } from "../host/files.ts";
import { log } from "../log.ts";
import type { RunnerSpec } from "../runner/spec.ts";
import { removeEphemeralMachine } from "../state/ephemeral.ts";
import type { Launch } from "./launch.ts";
import { RunnerProcess } from "./runner_process.ts";

/** How often a VM is booted that dies before its kernel says a word. */
const ATTEMPTS = 3;

/** A machine that was started. */
export interface Booted {
  runner: RunnerProcess;
  /** Process id of its VM. */
  pid: number;
}

/**
 * Starts a machine in a runner; settles when it can be attached to, or its command runs if nobody attaches; gives it up
 * when `signal` is aborted. Virtual hosts let a VM die at its kernel's first steps now and then (a triple fault: libkrun
 * then exits with 0): nothing of the machine has run by then, and it is started again.
 *
 * @throws {SmolvmError} for why it cannot be started; the reason of `signal`. Nothing is left then.
 */
export async function boot({ spec, prefix, onPhase }: Launch, signal?: AbortSignal): Promise<Booted> {
  onPhase?.("boot");
  for (let attempt = 1;; attempt++) {
    const runner = new RunnerProcess(prefix);
    const giveUp = () => spec.held ? runner.release() : runner.kill();
    signal?.addEventListener("abort", giveUp);
    try {
      signal?.throwIfAborted();
      return { runner, pid: await runner.start(spec) };
    } catch (error) {
      const again = attempt < ATTEMPTS && !signal?.aborted && await runner.diedSilently(spec);
      await letGo(runner, spec);
      signal?.throwIfAborted();
      if (!again) throw error;
      log("info", "the VM ended before its kernel said a word: starting it again");
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

/** Lets go of a machine. An ephemeral one that this process held, or that did not start, is gone then. */
export async function letGo(runner: RunnerProcess, spec: RunnerSpec): Promise<void> {
  await runner.release();
  if (!spec.ephemeral) return;
  await runner.exited;
  // The runner has done so already, unless it died before it could. The folder goes last.
  if (exists(spec.folder)) await removeEphemeralMachine({ ...spec, ...spec.machine });
}

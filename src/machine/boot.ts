import { messageOf } from "../errors.ts";
import { exists } from "../host/files.ts";
import { dirname } from "../host/path.ts";
import { writeSecretsFile } from "../host/secrets_file.ts";
import { jailProgram } from "../jail/prefix.ts";
import { BOOT_ATTEMPTS, RunnerProcess } from "../link/runner_process.ts";
import { takeSpareRunner } from "../link/spare_runner.ts";
import { log } from "../log.ts";
import { encodeSecretValues, type SecretValues } from "../network/secret.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { removeEphemeralMachine, sweepEphemeralMachines } from "../state/ephemeral.ts";
import { checkOwner } from "../state/state_file.ts";
import type { WarmMachine } from "../state/warm.ts";
import { fillPlaceOf, fillPlaces } from "./fill_warm.ts";
import type { Launch } from "./launch.ts";
import { recordEnd } from "./record_end.ts";
import { canBeWarm, takeWarmMachine } from "./take_warm.ts";

/** A machine that was started. */
export interface Booted {
  runner: RunnerProcess;
  /** Process id of its VM. */
  pid: number;
  /** Settles when what killed machines left is removed, and those that are to wait for the next run need this process no longer. */
  tidied: Promise<void>;
}

/**
 * Starts a machine in a runner; settles when it can be attached to, or its command runs if nobody attaches; gives it up
 * when `signal` is aborted. Virtual hosts let a VM die at its kernel's first steps now and then (a triple fault: libkrun
 * then exits with 0): nothing of the machine has run by then, and it is started again. A machine that is ephemeral may
 * be a warm one, with the id and the folders of that.
 *
 * @throws {SmolvmError} for why it cannot be started; the reason of `signal`. Nothing is left then.
 */
export async function boot({ spec, prefix, secrets, onPhase }: Launch, signal?: AbortSignal): Promise<Booted> {
  onPhase?.("boot");
  const own = { id: spec.machine.id, folder: spec.folder, runtimeFolder: spec.runtimeFolder };
  for (let attempt = 1;; attempt++) {
    const taken = attempt === 1 ? await takeWarmMachine(spec, prefix) : undefined;
    const runner = taken?.runner ?? await startRunner(prefix);
    const giveUp = () => spec.held ? runner.end() : runner.kill();
    signal?.addEventListener("abort", giveUp);
    try {
      signal?.throwIfAborted();
      using _secrets = secrets && writeSecrets(secrets, spec);
      const pid = await runner.start(spec);
      // While the machine runs there is time for what killed ones left.
      const tidied = spec.ephemeral ? tidy(spec, prefix, taken?.warm) : Promise.resolve();
      return { runner, pid, tidied };
    } catch (error) {
      const again = attempt < BOOT_ATTEMPTS && !signal?.aborted && await runner.diedSilently(spec);
      // One that persists is stopping, and cannot be started again, until its runner is gone.
      await (spec.ephemeral ? releaseMachine(runner, spec) : runner.end());
      if (signal?.aborted && !spec.ephemeral) await recordEnd(spec);
      signal?.throwIfAborted();
      if (!again) throw error;
      log("info", "the VM ended before anything ran in it: starting it again");
      restoreIdentity(spec, own);
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

/** A runner that waits for its specification: the spare one if it will do, else a new one. */
async function startRunner(prefix: readonly string[]): Promise<RunnerProcess> {
  const spare = await takeSpareRunner(prefix);
  return spare ? new RunnerProcess(spare) : RunnerProcess.spawn(prefix);
}

/** Removes what killed machines left, and has as many machines wait as the user wants; settles for {@linkcode Booted}. */
async function tidy(spec: RunnerSpec, prefix: readonly string[], taken: WarmMachine | undefined): Promise<void> {
  const warn = (error: unknown) => log("warn", messageOf(error));
  await Promise.all([sweepEphemeralMachines().catch(warn), fill(spec, prefix, taken).catch(warn)]);
}

/** Has machines wait: if none waited for this one, or if the place of the one that did is not filled by `smolvm-jail`. */
async function fill(spec: RunnerSpec, prefix: readonly string[], taken: WarmMachine | undefined): Promise<void> {
  const { machine, rootfs } = spec;
  if ("path" in rootfs) {
    if (taken === undefined && canBeWarm(spec, prefix)) await fillPlaces(machine);
  } else if (taken !== undefined) {
    await fillPlaceOf(taken, { rootfs, prefix: prefix.slice(0, prefix.indexOf(jailProgram())) });
  }
}

/** Undoes the assignment of a warm machine's id and folders to what was to run in it. */
function restoreIdentity(
  spec: RunnerSpec,
  { id, ...folders }: { id: string; folder: string; runtimeFolder: string },
): void {
  spec.machine.id = id;
  Object.assign(spec, folders);
}

/** Releases a machine. An ephemeral one that this process held, or that did not start, is removed. */
export async function releaseMachine(runner: RunnerProcess, spec: RunnerSpec): Promise<void> {
  if (!spec.ephemeral) return await runner.release();
  await runner.end();
  // The runner has done so already, unless it died before it could. The folder goes last.
  if (exists(spec.folder)) await removeEphemeralMachine({ ...spec, ...spec.machine });
}

/** Writes the values of secrets to the file that the machine's gateway reads. */
function writeSecrets(secrets: SecretValues, { runtimeFolder }: RunnerSpec): Disposable {
  const parent = dirname(runtimeFolder);
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  // In /tmp, any user could have made this folder to read them.
  checkOwner(parent, "Set XDG_RUNTIME_DIR to a folder of yours.");
  return writeSecretsFile(runtimeFolder, encodeSecretValues(secrets));
}

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
import { bootMissingWarm, replaceTaken } from "./fill_warm.ts";
import type { Launch } from "./launch.ts";
import { recordEnd } from "./record_end.ts";
import { canBeWarm, takeWarmMachine } from "./take_warm.ts";

/** A machine that was started. */
export interface Booted {
  runner: RunnerProcess;
  /** Process id of its VM. */
  pid: number;
  /** Settles when the files of killed machines are removed and booting warm machines no longer need this process. */
  cleanedUp: Promise<void>;
}

/**
 * Starts a machine in a runner; cancels the start when `signal` is aborted. Settles when clients can attach to the
 * machine or, if no client will attach, when its command runs. On virtual hosts, a VM sometimes dies while its kernel
 * starts (a triple fault: libkrun then exits with 0). Nothing of the machine has run by then, so it is started again.
 * An ephemeral machine may be a warm one; `spec` then gets the id and the folders of the warm machine.
 *
 * @throws {SmolvmError} when the machine cannot be started; the reason of `signal`. Nothing of the run is left then.
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
      // Remove the files of killed machines while the machine runs, where it delays nothing.
      const cleanedUp = spec.ephemeral ? tidy(spec, prefix, taken?.warm) : Promise.resolve();
      return { runner, pid, cleanedUp };
    } catch (error) {
      const again = attempt < BOOT_ATTEMPTS && !signal?.aborted && await runner.diedSilently(spec);
      // A persistent machine counts as stopping, and cannot be started again, until its runner is gone.
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

/** Returns a runner that waits for its specification: the spare runner if its prefix fits, otherwise a new one. */
async function startRunner(prefix: readonly string[]): Promise<RunnerProcess> {
  const spare = await takeSpareRunner(prefix);
  return spare ? new RunnerProcess(spare) : RunnerProcess.spawn(prefix);
}

/** Removes the files of killed machines and boots missing warm machines; settles like {@linkcode Booted.cleanedUp}. */
async function tidy(spec: RunnerSpec, prefix: readonly string[], taken: WarmMachine | undefined): Promise<void> {
  const warn = (error: unknown) => log("warn", messageOf(error));
  await Promise.all([sweepEphemeralMachines().catch(warn), fill(spec, prefix, taken).catch(warn)]);
}

/** Boots missing warm machines, if none was taken or if `smolvm-jail` cannot refill the place of the one taken. */
async function fill(spec: RunnerSpec, prefix: readonly string[], taken: WarmMachine | undefined): Promise<void> {
  const { machine, rootfs } = spec;
  if ("path" in rootfs) {
    if (taken === undefined && canBeWarm(spec, prefix)) await bootMissingWarm(machine);
  } else if (taken !== undefined) {
    await replaceTaken(taken, { rootfs, prefix: prefix.slice(0, prefix.indexOf(jailProgram())) });
  }
}

/** Restores the id and folders of a specification that got those of a warm machine. */
function restoreIdentity(
  spec: RunnerSpec,
  { id, ...folders }: { id: string; folder: string; runtimeFolder: string },
): void {
  spec.machine.id = id;
  Object.assign(spec, folders);
}

/** Releases a machine. Ends and removes an ephemeral machine that this process holds, or that did not start. */
export async function releaseMachine(runner: RunnerProcess, spec: RunnerSpec): Promise<void> {
  if (!spec.ephemeral) return await runner.release();
  await runner.end();
  // The runner removes these files itself unless it was killed; the folder is the last of them.
  if (exists(spec.folder)) await removeEphemeralMachine({ ...spec, ...spec.machine });
}

/** Writes the values of the secrets to the file that the machine's gateway reads. */
function writeSecrets(secrets: SecretValues, { runtimeFolder }: RunnerSpec): Disposable {
  const parent = dirname(runtimeFolder);
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  // In /tmp, another user could have made this folder to read the secrets.
  checkOwner(parent, "Set XDG_RUNTIME_DIR to a folder of yours.");
  return writeSecretsFile(runtimeFolder, encodeSecretValues(secrets));
}

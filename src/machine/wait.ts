import { exitCodeOf, SmolvmError } from "../errors.ts";
import { isLocked } from "../host/lock.ts";
import { sleep } from "../host/sleep.ts";
import { Attachment, isDisconnect, NO_STREAMS } from "../protocol/attachment.ts";
import { CONTROL } from "../protocol/control.ts";
import { controlSocket, type RunnerSpec } from "../runner_interface/spec.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { isLive, observeStatus, readStatus } from "../state/status.ts";
import { machineLock } from "../state/machine_folders.ts";
import { exitCode, KILLED, lastExitCode } from "./exit_code.ts";

const POLL_MS = 50;

/**
 * Waits until a machine has ended, and returns the exit code of its command; 137 if the VM was killed. For a machine
 * that does not run, returns the exit code of its last run at once.
 *
 * @throws the reason of `signal` when it is aborted.
 */
export async function waitForEnd(machine: ReadableMachine, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const lock = machineLock(machine.folder);
  let code: number | undefined;
  while (machine.ephemeral || isLive(machine.status.state)) {
    code ??= await watchCommand(machine, { signal });
    signal?.throwIfAborted();
    if (!isLocked(lock) || code !== undefined && isStartedAgain(machine)) break;
    await sleep(POLL_MS);
  }
  // The files of an ephemeral machine are gone.
  const isLeft = readStatus(machine.folder) !== undefined;
  return code ?? lastExitCode(isLeft ? observeStatus(machine.folder) : machine.status) ?? 0;
}

/** Whether another run holds the lock: it may have started before this process could see the lock free. */
function isStartedAgain({ folder, status }: ReadableMachine): boolean {
  const process = readStatus(folder)?.process;
  return process && status.process ? process.pid !== status.process.pid : false;
}

/**
 * Watches for the exit code of a machine's command from its start on, because the machine's files are gone afterwards.
 * Does not keep this process alive before `exitCode()` is called.
 */
export class EndWatch {
  #attachment: Attachment | undefined;
  #isAwaited = false;
  readonly #code: Promise<number | undefined>;

  constructor(machine: Pick<RunnerSpec, "runtimeFolder">) {
    const onOpen = (attachment: Attachment) => {
      this.#attachment = attachment;
      attachment.isRef = this.#isAwaited;
    };
    this.#code = watchCommand(machine, { onOpen });
    this.#code.catch(() => {}); // The caller of exitCode() gets the error.
  }

  /** Returns the exit code of the command; 137 if the VM was killed. */
  async exitCode(): Promise<number> {
    this.#isAwaited = true;
    if (this.#attachment) this.#attachment.isRef = true;
    return await this.#code ?? KILLED;
  }
}

/** Returns the exit code of the running command; `undefined` when the runner is gone or does not report it. */
async function watchCommand(
  machine: Pick<RunnerSpec, "runtimeFolder">,
  { signal, onOpen }: { signal?: AbortSignal | undefined; onOpen?: (attachment: Attachment) => void },
): Promise<number | undefined> {
  let attachment: Attachment | undefined;
  const leave = () => attachment?.close();
  signal?.addEventListener("abort", leave);
  try {
    attachment = await Attachment.open(controlSocket(machine), NO_STREAMS, { type: CONTROL.WAIT });
    onOpen?.(attachment);
    if (signal?.aborted) leave();
    const status = await attachment.finish();
    return status && exitCode(status);
  } catch (error) {
    if (isDisconnect(error)) return undefined;
    if (error instanceof SmolvmError) return exitCodeOf(error);
    if (signal?.aborted) return undefined;
    throw error;
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

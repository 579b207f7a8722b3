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
 * Settles when a machine has ended, with the exit code of its command; at once, with that of its last run, when it does
 * not run. 137 stands for a VM that was killed.
 *
 * @throws the reason of `signal`, when that is aborted.
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
  // Of a machine of `run` nothing is left to read.
  const isLeft = readStatus(machine.folder) !== undefined;
  return code ?? lastExitCode(isLeft ? observeStatus(machine.folder) : machine.status) ?? 0;
}

/** Whether the lock is that of another run, which began before anyone could see it free. */
function isStartedAgain({ folder, status }: ReadableMachine): boolean {
  const process = readStatus(folder)?.process;
  return process && status.process ? process.pid !== status.process.pid : false;
}

/**
 * Watches how the command of a machine ends, from its start on, when nothing of the machine is left to be asked after
 * that. Keeps no process going until somebody wants to know.
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
    this.#code.catch(() => {}); // Callers of it get the error.
  }

  /** Its exit code; 137 stands for a VM that was killed. */
  async exitCode(): Promise<number> {
    this.#isAwaited = true;
    if (this.#attachment) this.#attachment.isRef = true;
    return await this.#code ?? KILLED;
  }
}

/** The exit code of the command that runs, or `undefined` when nobody is there to tell. */
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

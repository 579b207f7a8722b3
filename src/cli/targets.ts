import { type ErrorCode, OWN_FAILURE, SmolvmError } from "../errors.ts";
import type { Machine } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { OutputError } from "./output/print.ts";
import { isOsError } from "../host/os_error.ts";
import { reportError } from "./report.ts";

/**
 * Runs `act` for several machines or images, one after the other, and continues when one fails. Returns docker's exit
 * code: 1 when any failed, or 125 when the failure does not depend on the target.
 */
export async function forEachTarget<T>(
  targets: readonly T[],
  act: (target: T) => Promise<void> | void,
): Promise<number> {
  let exitCode = 0;
  for (const target of targets) {
    try {
      await act(target);
    } catch (error) {
      if (exitCode !== OWN_FAILURE) exitCode = isOwn(error) ? OWN_FAILURE : 1;
      reportError(error);
    }
  }
  return exitCode;
}

/** Like {@linkcode forEachTarget} for machines, but runs `act` only once for a machine that is named twice. */
export async function forEachMachine(
  names: readonly string[],
  act: (machine: Machine) => Promise<void>,
): Promise<number> {
  const done = new Set<string>();
  return await forEachTarget(names, async (name) => {
    const machine = await getMachine(name);
    if (done.has(machine.id)) return;
    done.add(machine.id);
    await act(machine);
  });
}

/** Runs `act`; with `force`, an error with this `code` is reported but is no failure, as with docker's `-f`. */
export async function ignoreMissing(
  { force, code }: { force: boolean; code: ErrorCode },
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(force && error instanceof SmolvmError && error.code === code)) throw error;
    reportError(error);
  }
}

/** Whether any target would fail: the output cannot be written, or the state files cannot be read. */
function isOwn(error: unknown): boolean {
  return error instanceof OutputError ||
    error instanceof SmolvmError && error.code === "state" && isOsError(error.cause);
}

import { type ErrorCode, OWN_FAILURE, SmolvmError } from "../errors.ts";
import type { Machine } from "../mod.ts";
import { getMachine } from "./get_machine.ts";
import { OutputError } from "./output/print.ts";
import { isOsError } from "../host/os_error.ts";
import { reportError } from "./report.ts";

/**
 * Does the same to several machines or images, one after the other, and goes on when one of them fails; returns the
 * exit code, which is docker's: 1 when any did, and 125 when that was not for what they are.
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

/** Does the same to several machines like {@linkcode forEachTarget}, and once to one that is named twice. */
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

/** Does something to what may not be there: with `force` that is told, and no failure, as docker's `-f` has it. */
export async function orMissing(
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

/** Whether it would fail with any target: the output cannot be written, or the files of all machines not be read. */
function isOwn(error: unknown): boolean {
  return error instanceof OutputError ||
    error instanceof SmolvmError && error.code === "state" && isOsError(error.cause);
}

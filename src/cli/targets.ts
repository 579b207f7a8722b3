import { reportError } from "./report.ts";

/**
 * Does the same to several machines or images, one after the other, and goes on when one of them fails; returns the
 * exit code, which is docker's: 1 when any did.
 */
export async function forEachTarget<T>(
  targets: readonly T[],
  act: (target: T) => Promise<void> | void,
): Promise<number> {
  let failed = false;
  for (const target of targets) {
    try {
      await act(target);
    } catch (error) {
      failed = true;
      reportError(error);
    }
  }
  return failed ? 1 : 0;
}

import { reportError } from "./report.ts";

/**
 * Does the same to several machines or images, one after the other, and goes on when one of them fails; returns the exit code,
 * which is docker's: 1 when any did.
 */
export async function forEachTarget(names: string[], act: (name: string) => Promise<void>): Promise<number> {
  let failed = false;
  for (const name of names) {
    try {
      await act(name);
    } catch (error) {
      failed = true;
      reportError(error);
    }
  }
  return failed ? 1 : 0;
}

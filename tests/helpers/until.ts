/**
 * Polls for conditions in tests.
 *
 * @module
 */

/** How a condition is polled. */
export interface UntilOptions {
  /** The polling interval. */
  everyMs?: number;
  /** After this time the test fails. Long by default: a loaded host takes minutes where others take seconds. */
  timeoutMs?: number;
}

/** Settles when a condition is true; after the deadline, fails with the source code of the condition. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { everyMs = 20, timeoutMs = 120_000 }: UntilOptions = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Still false after ${timeoutMs} ms: ${condition}`);
    await pause(everyMs);
  }
}

/** Settles after `ms` milliseconds. */
export function pause(ms = 20): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Polls for conditions in tests.
 *
 * @module
 */

/** How a condition is polled. */
export interface UntilOptions {
  /** The polling interval. */
  everyMs?: number;
  /** After this time the test fails. A loaded host takes minutes for what otherwise takes seconds. */
  timeoutMs?: number;
}

/** Settles when a condition is true; fails with its source after the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { everyMs = 20, timeoutMs = 120_000 }: UntilOptions = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`This does not hold after ${timeoutMs} ms: ${condition}`);
    await pause(everyMs);
  }
}

/** Settles after a time. */
export function pause(ms = 20): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

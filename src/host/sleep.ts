import { startTimer } from "./timer.ts";

/** Settles after a time. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => startTimer(ms, resolve));
}

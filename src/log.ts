/** Log levels, the least detailed first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

let level: LogLevel = "warn";
let sink: (line: string) => void = () => {};

/** Sets the level and the destination; before this, nothing is logged. Only `main.ts` and the runner's main call it. */
export function configureLog(options: { level: LogLevel; sink: (line: string) => void }): void {
  ({ level, sink } = options);
}

/** The current level. */
export function logLevel(): LogLevel {
  return level;
}

/** Logs one line; pass a function if the message is expensive to create. */
export function log(at: LogLevel, message: string | (() => string)): void {
  if (LOG_LEVELS.indexOf(at) > LOG_LEVELS.indexOf(level)) return;
  const ms = performance.now().toFixed(0).padStart(6);
  sink(`${ms} ms ${at.padEnd(5)} ${typeof message === "string" ? message : message()}`);
}

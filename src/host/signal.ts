import { SmolvmError } from "../errors.ts";

/** The named signals of Linux, in the order of their numbers on x86 and arm. */
// deno-fmt-ignore
export const SIGNALS = [
  "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
  "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
  "PWR", "SYS",
];
const RTMIN = 34;
const RTMAX = 64;

/** The Linux number of a signal such as `SIGTERM`, `term`, `15` or `RTMIN+3`; `undefined` for other texts. */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) return checkNumber(Number(text));
  const name = text.toUpperCase().replace(/^SIG/, "");
  const index = SIGNALS.indexOf(name);
  if (index >= 0) return index + 1;
  const [, start, sign, offset] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (start === undefined) return undefined;
  const number = (start === "MIN" ? RTMIN : RTMAX) + (sign === "-" ? -1 : 1) * Number(offset ?? 0);
  return number >= RTMIN ? checkNumber(number) : undefined;
}

/**
 * Like {@linkcode parseSignal}, but throws if the text is not a signal.
 *
 * @throws {SmolvmError} `usage`.
 */
export function signalNumber(text: string): number {
  const signal = parseSignal(text);
  if (signal !== undefined) return signal;
  throw new SmolvmError("usage", `Cannot send "${text}": expected a signal such as HUP, SIGUSR1 or 15`);
}

/** The name of a signal by its number on Linux: `SIGTERM`. */
export function signalName(signal: number): string {
  const name = SIGNALS[signal - 1];
  return name === undefined ? `signal ${signal}` : `SIG${name}`;
}

function checkNumber(signal: number): number | undefined {
  return signal >= 1 && signal <= RTMAX ? signal : undefined;
}

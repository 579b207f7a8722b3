import { SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import type { Krun } from "./symbols.ts";

type SyncName = Exclude<keyof Krun, "krun_start_enter">;
type Arguments<N extends SyncName> = Parameters<NonNullable<Krun[N]>>;

/**
 * Calls a function of libkrun and returns its result, 0 or a context.
 *
 * @throws {SmolvmError} `krun`, naming the function and the errno; `dependency` when this libkrun lacks the function.
 */
export function call<N extends SyncName>(krun: Krun, name: N, ...args: Arguments<N>): number {
  const symbol = krun[name] as ((...args: Arguments<N>) => number) | null;
  if (symbol === null) throw new SmolvmError("dependency", `This libkrun has no ${name}`, { hint: "Upgrade libkrun." });
  return checkResult(name, symbol(...args));
}

/** Returns the result of `name`, or throws if it is an error. */
export function checkResult(name: string, result: number): number {
  if (result < 0) throw new SmolvmError("krun", `${name} failed: ${describeErrno(-result)}`);
  return result;
}

import { messageOf, SmolvmError } from "../errors.ts";

/** `error`: some or all machines cannot run; `warning`: they run with drawbacks. */
export type Status = "ok" | "warning" | "error";

/** The result of a check. */
export interface Verdict {
  status: Status;
  /** What was found, in a few words. */
  found: string;
  /** One sentence on how to fix it; absent when there is nothing to fix. */
  hint?: string | undefined;
}

/** One requirement. */
export interface Check {
  /** A few lower-case words, joined by dashes. */
  name: string;
  /** Checks without changing anything; a thrown error counts as status `error`. `signal` is aborted at the time-out. */
  run(signal: AbortSignal): Verdict | Promise<Verdict>;
}

/** The reported result of a check. */
export interface Finding {
  name: string;
  status: Status;
  found: string;
  hint: string | null;
}

/** Runs all checks concurrently; each has a result within `timeoutMs`. */
export async function runChecks(checks: readonly Check[], { timeoutMs }: { timeoutMs: number }): Promise<Finding[]> {
  return await Promise.all(checks.map(async ({ name, run }) => {
    const { status, found, hint } = await runCheck(run, timeoutMs);
    return { name, status, found, hint: hint ?? null };
  }));
}

async function runCheck(run: Check["run"], timeoutMs: number): Promise<Verdict> {
  const abort = new AbortController();
  const late = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => {
    late.resolve({ status: "error", found: `no answer within ${timeoutMs / 1000} s` });
    abort.abort();
  }, timeoutMs);
  try {
    // Called in a promise, so that a check that throws synchronously rejects too.
    return await Promise.race([late.promise, Promise.resolve(abort.signal).then(run)]);
  } catch (error) {
    return { status: "error", found: messageOf(error), hint: error instanceof SmolvmError ? error.hint : undefined };
  } finally {
    clearTimeout(timer);
  }
}

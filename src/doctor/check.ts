import { messageOf, SmolvmError } from "../errors.ts";

/** `error`: some machines or all cannot run; `warning`: they can, not as well as they might. */
export type Status = "ok" | "warning" | "error";

/** What a check came to. */
export interface Verdict {
  status: Status;
  /** What is there, in a few words. */
  found: string;
  /** One sentence on how to mend it; absent when there is nothing to mend. */
  hint?: string | undefined;
}

/** One requirement. */
export interface Check {
  /** A few words of lower case, joined by dashes. */
  name: string;
  /** Looks, and changes nothing; what it throws is an error like those it returns. `signal` ends what takes too long. */
  run(signal: AbortSignal): Verdict | Promise<Verdict>;
}

/** A check's outcome, as it is reported. */
export interface Finding {
  name: string;
  status: Status;
  found: string;
  hint: string | null;
}

/** Runs all checks at once; each has an outcome after `timeoutMs` at the latest. */
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
    // Not before the next turn, in which a check that throws at once rejects like any other.
    return await Promise.race([late.promise, Promise.resolve(abort.signal).then(run)]);
  } catch (error) {
    return { status: "error", found: messageOf(error), hint: error instanceof SmolvmError ? error.hint : undefined };
  } finally {
    clearTimeout(timer);
  }
}

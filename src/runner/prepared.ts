import { Libc } from "../host/libc.ts";
import { type RunnerFilters, runnerFilters } from "../jail/filter.ts";
import { loadKrun } from "../krun/library.ts";
import type { Krun } from "../krun/symbols.ts";

/** What a runner needs for any machine. */
export interface Prepared {
  libc: Libc;
  krun: Krun;
  /** The jail's system call filters; `undefined` on macOS, which has no jail. */
  filters: RunnerFilters | undefined;
}

/**
 * Prepares a runner while it waits for its specification. The returned function returns the result or throws the error,
 * at a time when the runner can report it to a client.
 */
export function prepareRunner(): () => Prepared {
  try {
    const filters = Deno.build.os === "linux" ? runnerFilters() : undefined;
    const prepared = { libc: new Libc(), krun: loadKrun(), filters };
    return () => prepared;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

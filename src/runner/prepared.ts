import { Libc } from "../host/libc.ts";
import { type RunnerFilters, runnerFilters } from "../jail/filter.ts";
import { loadKrun } from "../krun/library.ts";
import type { Krun } from "../krun/symbols.ts";

/** What a runner needs whatever its machine is. */
export interface Prepared {
  libc: Libc;
  krun: Krun;
  /** Of its jail, which macOS has not. */
  filters: RunnerFilters | undefined;
}

/**
 * Makes that ready now, while the runner still waits to be told what for; the result is had by calling what this
 * returns, and so is the failure, by when there is somebody to tell it to.
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

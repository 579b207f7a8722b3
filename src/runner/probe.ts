import { featuresOf, missingFunctions } from "../krun/features.ts";
import { loadLibrary } from "../krun/library.ts";
import { KRUN_SYMBOLS } from "../krun/symbols.ts";
import { factsOrError, type LibraryReport } from "../runner_interface/library_report.ts";

/** Looks at the libraries, in a process of its own, for one that must not load them. */
export function probeLibraries(): LibraryReport {
  return {
    // First: libkrun looks for it by a name that only resolves when it is loaded.
    libkrunfw: factsOrError(() => ({ path: Deno.realPathSync(loadLibrary("libkrunfw", {}).path) })),
    libkrun: factsOrError(() => {
      const { path, symbols } = loadLibrary("libkrun", KRUN_SYMBOLS);
      return {
        path: Deno.realPathSync(path),
        features: featuresOf(symbols) ?? null,
        missing: missingFunctions(symbols),
      };
    }),
  };
}

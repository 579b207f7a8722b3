import { featuresOf, missingFunctions } from "../krun/features.ts";
import { loadLibrary } from "../krun/library.ts";
import { KRUN_SYMBOLS } from "../krun/symbols.ts";
import { factsOrError, type LibraryReport } from "../runner_interface/library_report.ts";

/** Inspects the libraries, in a separate process, on behalf of a process that must not load them. */
export function probeLibraries(): LibraryReport {
  return {
    // Load the firmware first: libkrun opens it by a file name that only resolves once it is loaded.
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

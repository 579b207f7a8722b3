import { Libc } from "../host/libc.ts";
import { loadKrun } from "../krun/library.ts";
import type { Krun } from "../krun/symbols.ts";

/** The native libraries of a runner. */
export interface Libraries {
  libc: Libc;
  krun: Krun;
}

/**
 * Loads the libraries now, while the runner still waits to be told what for; the result is had by calling what this
 * returns, and so is the failure, by when there is somebody to tell it to.
 */
export function preloadLibraries(): () => Libraries {
  try {
    const libraries = { libc: new Libc(), krun: loadKrun() };
    return () => libraries;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

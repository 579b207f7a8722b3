import { type Finding, runChecks } from "./check.ts";
import { FOLDER_CHECKS } from "./folders.ts";
import { imageChecks } from "./images.ts";
import { libraryChecks } from "./libraries.ts";
import { namespaceChecks } from "./namespaces.ts";
import { virtualizationChecks } from "./virtualization.ts";

export type { Finding };

/** What a loaded host may need to start a program and have its answer. */
const TIMEOUT_MS = 10_000;

/** Checks everything that smolvm needs of this host. */
export function diagnose(): Promise<Finding[]> {
  const checks = [
    ...virtualizationChecks(),
    ...libraryChecks(),
    ...namespaceChecks(),
    ...imageChecks(),
    ...FOLDER_CHECKS,
  ];
  return runChecks(checks, { timeoutMs: TIMEOUT_MS });
}

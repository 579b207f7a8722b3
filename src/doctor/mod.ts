import { type Finding, runChecks } from "./check.ts";
import { FOLDER_CHECKS } from "./folders.ts";
import { imageChecks } from "./images.ts";
import { jailChecks } from "./jail.ts";
import { libraryChecks } from "./libraries.ts";
import { virtualizationChecks } from "./virtualization.ts";

export type { Finding };

/** The time-out of a check; a loaded host may need long to start a program. */
const TIMEOUT_MS = 10_000;

/** Checks everything that smolvm needs of this host. */
export function diagnose(): Promise<Finding[]> {
  const checks = [
    ...virtualizationChecks(),
    ...libraryChecks(),
    ...jailChecks(),
    ...imageChecks(),
    ...FOLDER_CHECKS,
  ];
  return runChecks(checks, { timeoutMs: TIMEOUT_MS });
}

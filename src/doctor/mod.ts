import { type Finding, runChecks } from "./check.ts";
import { FOLDER_CHECKS } from "./folders.ts";
import { imageChecks } from "./images.ts";
import { jailChecks } from "./jail.ts";
import { libraryChecks } from "./libraries.ts";
import { virtualizationChecks } from "./virtualization.ts";

export type { Finding };

/** The time-out of a check; a busy host may start programs slowly. */
const TIMEOUT_MS = 10_000;

/** Checks whether this host meets smolvm's requirements. */
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

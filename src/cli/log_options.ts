import { SmolvmError } from "../errors.ts";
import { configureLog, LOG_LEVELS, type LogLevel } from "../log.ts";
import { printError } from "./output/print.ts";

/**
 * Configures the log to write to standard error.
 *
 * @param flag the value of `--log-level`
 * @throws {SmolvmError} like {@linkcode chooseLogLevel}.
 */
export function openLog(flag: string | undefined): void {
  const [smolvmLog, rustLog] = [Deno.env.get("SMOLVM_LOG"), Deno.env.get("RUST_LOG")];
  configureLog({ level: chooseLogLevel({ flag, smolvmLog, rustLog }), sink: printError });
}

/** The settings of the log level, highest priority first. */
export interface LogLevelSources {
  /** `--log-level`. */
  flag: string | undefined;
  /** `SMOLVM_LOG`: a level. */
  smolvmLog: string | undefined;
  /** `RUST_LOG`, as in Rust tools: directives such as `smolvm=debug`, or one level for all programs. */
  rustLog: string | undefined;
}

/**
 * Returns the effective level; the default is `warn`.
 *
 * @throws {SmolvmError} `usage` for an unknown level. Unknown values in `RUST_LOG` are ignored, because other tools
 * share that variable.
 */
export function chooseLogLevel({ flag, smolvmLog, rustLog }: LogLevelSources): LogLevel {
  if (flag !== undefined) return checkLevel(flag, "--log-level");
  if (smolvmLog) return checkLevel(smolvmLog, "SMOLVM_LOG");
  const directives = (rustLog ?? "").split(",").map((directive) => directive.trim());
  const ours = directives.findLast((directive) => directive.startsWith("smolvm="))?.slice("smolvm=".length);
  return [ours, ...directives].find(isLevel) ?? "warn";
}

function checkLevel(value: string, source: string): LogLevel {
  if (isLevel(value)) return value;
  throw new SmolvmError(
    "usage",
    `Cannot set the log level to "${value}" (${source}): expected ${LOG_LEVELS.join(", ")}`,
  );
}

function isLevel(value: string | undefined): value is LogLevel {
  return LOG_LEVELS.includes(value as LogLevel);
}

import { SmolvmError } from "../errors.ts";
import { configureLog, LOG_LEVELS, type LogLevel } from "../log.ts";
import { printError } from "./output/print.ts";

/**
 * Opens the log, on standard error.
 *
 * @param flag the value of `--log-level`
 * @throws {SmolvmError} like {@linkcode chooseLogLevel}.
 */
export function openLog(flag: string | undefined): void {
  const [smolvmLog, rustLog] = [Deno.env.get("SMOLVM_LOG"), Deno.env.get("RUST_LOG")];
  configureLog({ level: chooseLogLevel({ flag, smolvmLog, rustLog }), sink: printError });
}

/** Where the level of the log may be set, strongest first. */
export interface LogLevelSources {
  /** `--log-level`. */
  flag: string | undefined;
  /** `SMOLVM_LOG`: a level. */
  smolvmLog: string | undefined;
  /** `RUST_LOG`, as the Rust tools have it: `smolvm=debug` among others, or a level for all. */
  rustLog: string | undefined;
}

/**
 * The level in force; `warn` when nothing says otherwise.
 *
 * @throws {SmolvmError} `usage` for a level that does not exist. `RUST_LOG` is shared with other tools: what it says
 * that is not for us is ignored.
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

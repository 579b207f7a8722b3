import { describeErrno } from "../errno.ts";
import { messageOf, SmolvmError } from "../errors.ts";
import { tailOf } from "../host/tail.ts";
import { SetupFailedError } from "../protocol/agent_connection.ts";
import { ProtocolError } from "../protocol/payload.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { encodeError } from "../state/error_record.ts";
import { consoleLog } from "../state/machine_folders.ts";
import type { RunStatus } from "../state/status.ts";

const EOPNOTSUPP = 95;
const OVERLAY_HINT =
  "The virtiofs of this libkrun does not work below an overlay (libkrun issue 867): use the libkrun that " +
  "scripts/setup fetches, or a later one.";

/** The user's error for any failure of a machine. */
export function describeFailure(error: unknown, { folder }: Pick<RunnerSpec, "folder">): SmolvmError {
  if (error instanceof SetupFailedError) {
    const { text, errno } = error.failure;
    return new SmolvmError("guest", `Cannot set up the guest: ${text}: ${describeErrno(errno)}`, {
      cause: error,
      hint: errno === EOPNOTSUPP ? OVERLAY_HINT : undefined,
    });
  }
  if (error instanceof ProtocolError) {
    return new SmolvmError("guest", `The guest broke the protocol: ${error.message}`, { cause: error });
  }
  if (!(error instanceof SmolvmError)) return new SmolvmError("internal", messageOf(error), { cause: error });
  if (error.code !== "guest") return error;
  const console = tailOf(consoleLog(folder), 8);
  if (console.length === 0) return error;
  return new SmolvmError("guest", `${error.message}; its console ends with:\n  ${console.join("\n  ")}`, {
    cause: error,
  });
}

/** The status change for a failure. A machine that was stopped during its start has not failed. */
export function failedStatus(error: SmolvmError): Partial<RunStatus> {
  return { state: error.code === "interrupted" ? "stopped" : "failed", error: encodeError(error) };
}

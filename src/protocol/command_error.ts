import { SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { STAGE } from "./constants.ts";
import type { Failure } from "./messages.ts";

const ENOENT = 2;
const ENOTDIR = 20;
const ENAMETOOLONG = 36;
const ELOOP = 40;

/** Why a command never started, as the user is told; `code` tells what exit code is customary. */
export function commandError({ errno, stage, text }: Failure): SmolvmError {
  const reason = describeErrno(errno);
  switch (stage) {
    case STAGE.USER:
      return new SmolvmError("usage", `Cannot run as user "${text}": no such user or group in the guest`);
    case STAGE.CWD:
      return new SmolvmError("usage", `Cannot enter the working directory "${text}": ${reason}`);
    case STAGE.EXEC:
      return [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP].includes(errno)
        ? new SmolvmError("not-found", `Cannot find "${text}" in the guest: ${reason}`)
        : new SmolvmError("not-executable", `Cannot execute "${text}" in the guest: ${reason}`);
    default:
      return new SmolvmError("guest", `Cannot start the command in the guest: ${text}: ${reason}`);
  }
}

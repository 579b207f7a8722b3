import { SmolvmError } from "../errors.ts";
import { describeErrno } from "../errno.ts";
import { STAGE } from "./constants.ts";
import type { Failure } from "./messages.ts";

const ENOENT = 2;
const ENOTDIR = 20;
const ENAMETOOLONG = 36;
const ELOOP = 40;

/** The error that the user sees for a command that did not start; its `code` determines the exit code. */
export function commandError({ errno, stage, text }: Failure): SmolvmError {
  const reason = describeErrno(errno);
  switch (stage) {
    case STAGE.USER:
      return userError(errno, text);
    case STAGE.CWD:
      return new SmolvmError(
        errno === ENOENT ? "not-found" : "usage",
        `Cannot enter the working directory "${text}": ${reason}`,
      );
    case STAGE.EXEC:
      return execError(errno, text);
    default:
      return new SmolvmError("guest", `Cannot start the command in the guest: ${text}: ${reason}`);
  }
}

function userError(errno: number, text: string): SmolvmError {
  const who = text.replace(/^(user|group) (.*)$/s, '$1 "$2"');
  const why = errno === ENOENT ? "there is none in the guest" : describeErrno(errno);
  return new SmolvmError("usage", `Cannot run as ${who}: ${why}`);
}

function execError(errno: number, text: string): SmolvmError {
  // The kernel reports a script as missing when its interpreter is missing; the agent's text names the interpreter.
  const [, program, interpreter] = /^(.*): (interpreter .* not found)$/s.exec(text) ?? [];
  if (program !== undefined) {
    return new SmolvmError("not-found", `Cannot run "${program}" in the guest: ${interpreter}`);
  }
  return [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP].includes(errno)
    ? new SmolvmError("not-found", `Cannot find "${text}" in the guest: ${describeErrno(errno)}`)
    : new SmolvmError("not-executable", `Cannot execute "${text}" in the guest: ${describeErrno(errno)}`);
}

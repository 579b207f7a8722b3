/** Stable codes of {@linkcode SmolvmError}: branch on these, never on the message. */
export const ERROR_CODES = [
  "usage", // a flag, argument or value that cannot be honoured
  "config", // a file that the user wrote is broken: the configuration, a Smolfile
  "source", // the SOURCE is neither a usable folder nor an image reference
  "image", // an image cannot be found, pulled, read or mounted
  "volume", // a volume cannot be mounted
  "port", // a port of the host cannot be published
  "storage", // a disk, a state file or a folder cannot be written
  "copy", // a file or folder cannot be copied to or from a machine
  "file", // a file or folder in a machine cannot be read or changed
  "no-file", // a file or folder is not there in a machine
  "state", // a state file cannot be read
  "no-machine", // there is no machine of that name
  "no-image", // there is no image of that name in the storage
  "machine-state", // the machine is not in a state that allows it
  "dependency", // buildah, libkrun, the firmware, the agent or another tool is missing
  "virtualization", // KVM or Hypervisor.framework cannot be used
  "krun", // a call of libkrun failed
  "guest", // the guest died, never answered or broke the protocol
  "not-executable", // the command exists in the guest and cannot be executed
  "not-found", // the command does not exist in the guest
  "timeout", // a deadline of the user's passed
  "interrupted", // the user ended it before the command had started
  "internal", // a bug of ours
] as const;
/** One of {@linkcode ERROR_CODES}. */
export type ErrorCode = typeof ERROR_CODES[number];

/** What a {@linkcode SmolvmError} carries beside its message. */
export interface SmolvmErrorOptions {
  /** The error that caused this one. */
  cause?: unknown;
  /** One sentence that says what to do about it. */
  hint?: string | undefined;
}

/** Every failure that smolvm itself reports. */
export class SmolvmError extends Error {
  /** Tells it from other errors, as {@linkcode code} tells what it is about. */
  override readonly name = "SmolvmError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** What the user can do about it, if anything is known. */
  readonly hint: string | undefined;

  /** An error of that kind; the message is one sentence without a full stop: `Cannot do X: state found`. */
  constructor(code: ErrorCode, message: string, options: SmolvmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The exit code of our own failures, whatever the command's would have been. */
export const OWN_FAILURE = 125;

/** The exit code of a command line that ends with an error: docker's, and that of `timeout`. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SmolvmError)) return OWN_FAILURE;
  return { "not-found": 127, "not-executable": 126, timeout: 124 }[error.code as string] ?? OWN_FAILURE;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Stable codes of {@linkcode SmolvmError}: branch on these, never on the message. */
export const ERROR_CODES = [
  "usage", // a flag, argument or value that cannot be honoured
  "config", // the configuration or a Smolfile is invalid
  "source", // the SOURCE is neither a usable folder nor an image reference
  "image", // an image cannot be found, pulled, read or mounted
  "volume", // a volume cannot be mounted
  "network", // a machine's network cannot be started
  "port", // a port of the host cannot be published
  "storage", // a disk, a state file or a folder cannot be written
  "copy", // a file or folder cannot be copied to or from a machine
  "file", // a file or folder in a machine cannot be read or changed
  "no-file", // a file or folder does not exist in a machine
  "state", // a state file cannot be read
  "no-machine", // there is no machine with that name
  "no-network", // there is no network of machines with that name
  "no-image", // there is no image with that name in the storage
  "machine-state", // the machine's state does not allow the operation
  "dependency", // buildah, libkrun, the firmware, the agent or another tool is missing
  "virtualization", // KVM or Hypervisor.framework cannot be used
  "jail", // the VM's process cannot be jailed
  "krun", // a call of libkrun failed
  "guest", // the guest ended, did not answer or violated the protocol
  "not-executable", // the command exists in the guest and cannot be executed
  "not-found", // the command does not exist in the guest
  "timeout", // the user's deadline has passed
  "interrupted", // the user interrupted it before the command started
  "internal", // a bug in smolvm
] as const;
/** One of {@linkcode ERROR_CODES}. */
export type ErrorCode = typeof ERROR_CODES[number];

/** Options of a {@linkcode SmolvmError}. */
export interface SmolvmErrorOptions {
  /** The error that caused this one. */
  cause?: unknown;
  /** One sentence on how to fix it. */
  hint?: string | undefined;
}

/** A failure that smolvm itself reports. */
export class SmolvmError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "SmolvmError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** What the user can do about it, if known. */
  readonly hint: string | undefined;

  /** Creates an error; the message is one sentence without a full stop: `Cannot do X: state found`. */
  constructor(code: ErrorCode, message: string, options: SmolvmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The exit code of smolvm's own failures, as opposed to the command's. */
export const OWN_FAILURE = 125;

/** The exit code for an error, like those of docker and `timeout`. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SmolvmError)) return OWN_FAILURE;
  return { "not-found": 127, "not-executable": 126, timeout: 124 }[error.code as string] ?? OWN_FAILURE;
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The value of an option or an argument is invalid. Commander recognizes this error by its `code`, so this module need
 * not load commander.
 */
export class InvalidArgumentError extends Error {
  override readonly name = "InvalidArgumentError";
  readonly code = "commander.invalidArgument";
  readonly exitCode = 1;
}

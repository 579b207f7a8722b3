/**
 * Says that the value of an option or an argument is invalid. Commander tells such an error by its `code`, so that those
 * who have no use for commander need not load it.
 */
export class InvalidArgumentError extends Error {
  override readonly name = "InvalidArgumentError";
  readonly code = "commander.invalidArgument";
  readonly exitCode = 1;
}

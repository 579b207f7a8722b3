import { argument, type Kind } from "./completion/kind.ts";

/** The argument of a command that takes a machine; `kind` says which ones it is for. */
export function machineArgument(kind: Kind = "machine") {
  return argument(kind, "<name>", "machine, by name or ID prefix");
}

/** The arguments of a command that takes several machines. */
export function machineArguments(kind: Kind = "machine") {
  return argument(kind, "<name...>", "machines, by name or ID prefix");
}

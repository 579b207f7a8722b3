import { argument, type Kind } from "./completion/kind.ts";

/** The argument of a command that takes one machine; completion offers the machines of this `kind`. */
export function machineArgument(kind: Kind = "machine") {
  return argument(kind, "<name>", "machine, by name or ID prefix");
}

/** The arguments of a command that takes several machines. */
export function machineArguments(kind: Kind = "machine") {
  return argument(kind, "<name...>", "machines, by name or ID prefix");
}

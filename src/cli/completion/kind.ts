import { Argument, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** What shells offer for an argument, or for the value of an option. */
export type Kind =
  | "machine"
  | "live machine"
  | "idle machine"
  | "image"
  | "network"
  /** An image, or a folder of the host. */
  | "source"
  /** A path of the host, or a machine and a path in it. */
  | "copy path"
  /** A path of the host, or what begins with one and a colon. */
  | "file"
  | "config key"
  | "boolean"
  | "log level"
  | "signal"
  | "machine filter"
  /** Nothing: what follows is a command for the guest, options and all. */
  | "guest command";

const KINDS = new WeakMap<Argument | Option, Kind>();

/** An argument of that kind. */
export function argument<const Usage extends string>(kind: Kind, usage: Usage, description?: string) {
  return ofKind(kind, new Argument(usage, description));
}

/** An option whose value is of that kind. */
export function option<const Usage extends string>(kind: Kind, usage: Usage, description: string) {
  return ofKind(kind, new Option(usage, description));
}

function ofKind<Part extends Argument | Option>(kind: Kind, part: Part): Part {
  KINDS.set(part, kind);
  return part;
}

/** The kind of an argument or of an option's value; nothing is offered for one that has none. */
export function kindOf(part: Argument | Option): Kind | undefined {
  return KINDS.get(part);
}

/** Whether what follows the first argument is a command for the guest. */
export function runsCommand({ registeredArguments }: CommandUnknownOpts): boolean {
  return registeredArguments.some((argument) => kindOf(argument) === "guest command");
}

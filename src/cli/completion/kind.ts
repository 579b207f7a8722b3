import { Argument, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** What completion offers for an argument or an option's value. */
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
  /** A path of the host, or a text that starts with one and a colon. */
  | "file"
  | "config key"
  | "boolean"
  | "log level"
  | "signal"
  | "machine filter"
  /** Nothing: a command for the guest follows, with its options. */
  | "guest command";

const KINDS = new WeakMap<Argument | Option, Kind>();

/** Creates an argument of this kind. */
export function argument<const Usage extends string>(kind: Kind, usage: Usage, description?: string) {
  return ofKind(kind, new Argument(usage, description));
}

/** Creates an option whose value is of this kind. */
export function option<const Usage extends string>(kind: Kind, usage: Usage, description: string) {
  return ofKind(kind, new Option(usage, description));
}

function ofKind<Part extends Argument | Option>(kind: Kind, part: Part): Part {
  KINDS.set(part, kind);
  return part;
}

/** Returns the kind of an argument or of an option's value; without a kind, completion offers nothing. */
export function kindOf(part: Argument | Option): Kind | undefined {
  return KINDS.get(part);
}

/** Whether a command for the guest follows the first argument. */
export function runsCommand({ registeredArguments }: CommandUnknownOpts): boolean {
  return registeredArguments.some((argument) => kindOf(argument) === "guest command");
}

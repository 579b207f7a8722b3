import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { option } from "./completion/kind.ts";
import type { OptionRow } from "./option_table.ts";

/** Adds the options of a table to a command. */
export function addOptions<C extends CommandUnknownOpts>(command: C, table: readonly OptionRow[]): C {
  for (const row of table) command.addOption(optionOf(row));
  return command;
}

function optionOf({ flags, description, kind, parse, choices, default: value, conflicts }: OptionRow): Option {
  const made: Option = kind ? option(kind, flags, description) : new Option(flags, description);
  if (parse) made.argParser(parse as (word: string, before: unknown) => unknown);
  if (choices) made.choices(choices);
  if (value !== undefined) made.default(value);
  if (conflicts !== undefined) made.conflicts(conflicts);
  return made;
}

import type { Kind } from "./completion/kind.ts";

/** An option of a command, as data that both commander's commands and {@linkcode parseWords} use. */
export interface OptionRow {
  /** In commander's syntax: `-e, --env <variable>`. */
  flags: string;
  description: string;
  /** What shell completion offers for its value. */
  kind?: Kind;
  /**
   * Parses a word; a repeatable option also gets its value so far.
   *
   * @throws {InvalidArgumentError}
   */
  parse?: (word: string, before: never) => unknown;
  /** The allowed values. */
  choices?: readonly string[];
  /** The value when the option is not given. */
  default?: unknown;
  /** The keys of options that conflict with it. */
  conflicts?: string[];
}

/** The parsed words after a command's name. */
export interface ParsedWords {
  /** Option values by the option's long name in camel case. */
  options: Record<string, unknown>;
  /** All words from the first operand on. */
  operands: string[];
}

/** An option, as found by one of its names. */
interface Flag {
  row: OptionRow;
  key: string;
  takesValue: boolean;
}

/**
 * Parses the words after the name of a command whose options end at the first operand. Returns `undefined` for anything
 * unusual, such as a request for help or a mistake: the caller must then load commander, which is slow to load but
 * prints help and errors.
 */
export function parseWords(words: readonly string[], table: readonly OptionRow[]): ParsedWords | undefined {
  const flags = flagsOf(table);
  const options = defaultsOf(table);
  const given = new Set<string>();
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest[0]!;
    if (word.length < 2 || !word.startsWith("-")) break;
    rest.shift();
    if (word === "--") break;
    const [flag, value] = split(word, flags);
    if (flag === undefined) return undefined;
    if (!flag.takesValue) {
      options[flag.key] = true;
      // More letters follow, as in `-it`.
      if (value !== undefined) rest.unshift(`-${value}`);
      if (value?.startsWith("-")) return undefined;
    } else {
      const text = value ?? rest.shift();
      if (text === undefined || flag.row.choices?.includes(text) === false) return undefined;
      try {
        options[flag.key] = flag.row.parse ? flag.row.parse(text, options[flag.key] as never) : text;
      } catch {
        return undefined;
      }
    }
    given.add(flag.key);
  }
  const conflict = [...flags.values()].some(({ row: { conflicts = [] }, key }) =>
    given.has(key) && conflicts.some((other) => given.has(other))
  );
  return conflict ? undefined : { options, operands: rest };
}

/** Splits a word into its option and the rest of the word: the option's value or more letters. */
function split(word: string, flags: ReadonlyMap<string, Flag>): [Flag | undefined, string?] {
  const whole = flags.get(word);
  if (whole) return [whole];
  if (!word.startsWith("--")) return [flags.get(word.slice(0, 2)), word.slice(2)];
  const end = word.indexOf("=");
  const flag = end < 0 ? undefined : flags.get(word.slice(0, end));
  return flag?.takesValue ? [flag, word.slice(end + 1)] : [undefined];
}

function flagsOf(table: readonly OptionRow[]): Map<string, Flag> {
  return new Map(table.flatMap((row) => {
    const flag: Flag = { row, key: keyOf(row), takesValue: row.flags.includes("<") };
    return namesOf(row).map((name) => [name, flag] as const);
  }));
}

function defaultsOf(table: readonly OptionRow[]): Record<string, unknown> {
  return Object.fromEntries(table.filter((row) => row.default !== undefined).map((row) => [keyOf(row), row.default]));
}

/** `-e` and `--env`. */
function namesOf({ flags }: OptionRow): string[] {
  return flags.split(/[ ,]+/).filter((part) => part.startsWith("-"));
}

/** `envFile` for `--env-file`. */
function keyOf(row: OptionRow): string {
  return namesOf(row).at(-1)!.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

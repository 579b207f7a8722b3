import type { Kind } from "./completion/kind.ts";

/** An option of a command, as data: the tree of commands and {@linkcode parseWords} read the same. */
export interface OptionRow {
  /** As commander has it: `-e, --env <variable>`. */
  flags: string;
  description: string;
  /** What shells offer for its value. */
  kind?: Kind;
  /**
   * Makes its value of a word, and of its value so far if it may be repeated.
   *
   * @throws {InvalidArgumentError}
   */
  parse?: (word: string, before: never) => unknown;
  /** The only words that it takes. */
  choices?: readonly string[];
  /** Its value where it is not given. */
  default?: unknown;
  /** The keys of options that it cannot be used with. */
  conflicts?: string[];
}

/** What the words behind a command's name mean. */
export interface ParsedWords {
  /** Values by the long names of options, in camel case. */
  options: Record<string, unknown>;
  /** All from the first word that is no option. */
  operands: string[];
}

/** An option that is to be looked up. */
interface Flag {
  row: OptionRow;
  key: string;
  takesValue: boolean;
}

/**
 * Parses the words behind the name of a command that passes options through: from the first operand on, all are
 * operands. `undefined` for whatever is not an ordinary use of those options, a request for help as well as a mistake:
 * commander, which takes its time to load, knows what to say.
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
      // More letters behind the one.
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

/** The option that a word is, or begins with, and what the word has of its value, or of more options. */
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

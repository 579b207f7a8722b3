import assert from "node:assert/strict";
import { Random } from "../../tests/fuzz/random.ts";
import { EXEC_OPTIONS } from "./exec_line.ts";
import { MACHINE_OPTIONS } from "./machine_options.ts";
import { type OptionRow, type ParsedWords, parseWords } from "./option_table.ts";
import { makeProgram } from "./program.ts";
import { RUN_OPTIONS } from "./run_line.ts";

const LINES = 400;
const TABLES: Record<string, readonly OptionRow[]> = { run: [...MACHINE_OPTIONS, ...RUN_OPTIONS], exec: EXEC_OPTIONS };

/** Words of every kind, including valid and invalid option values. */
const WORDS = [
  ...[
    "alpine",
    "web",
    "sh",
    "-c",
    "true",
    "--",
    "-",
    "",
    "./root fs",
    "-5",
    "--help",
    "-h",
    "-x",
    "--no-net",
    "--bogus",
  ],
  ...[
    "512m",
    "1g",
    "2",
    "0",
    "lots",
    "/srv",
    "srv",
    "/a:/b:ro",
    "a:b",
    "8080:80",
    "KEY=value",
    "A=b=c",
    "1.1.1.1",
    "true",
  ],
  ...[
    "false",
    "host",
    "none",
    "always",
    "sometimes",
    "root",
    "nobody:users",
    "web-1",
    "-a-b",
    "10",
    "-it",
    "-ti",
    "-iq",
  ],
];

/** Parses the words with commander; `undefined` when it refuses them or shows help. */
async function byCommander(name: string, words: readonly string[]): Promise<ParsedWords | undefined> {
  const program = await makeProgram(() => {}, name);
  const command = program.commands.find((command) => command.name() === name)!;
  command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  let parsed: ParsedWords | undefined;
  command.action((...args: unknown[]) => {
    const self = args.at(-1) as typeof command;
    parsed = { options: self.opts(), operands: self.args };
  });
  try {
    await program.parseAsync([name, ...words], { from: "user" });
  } catch {
    return undefined;
  }
  return parsed;
}

/** Generates words as a user might type them: mostly options of the table, then operands. */
function randomWords(random: Random, table: readonly OptionRow[]): string[] {
  const pick = <T>(of: readonly T[]) => of[random.upTo(of.length - 1)]!;
  const words: string[] = [];
  for (let count = random.upTo(4); count > 0; count--) {
    const { flags } = pick(table);
    const name = pick(flags.split(/[ ,]+/).filter((part) => part.startsWith("-")));
    if (random.upTo(7) === 0) words.push(pick(WORDS));
    else if (!flags.includes("<")) words.push(random.upTo(3) === 0 ? `${name}${pick(["t", "i", "=x"])}` : name);
    else if (name.startsWith("--")) words.push(...pick([[name, pick(WORDS)], [`${name}=${pick(WORDS)}`]]));
    else words.push(...pick([[name, pick(WORDS)], [`${name}${pick(WORDS)}`]]));
  }
  return [...words, ...Array.from({ length: random.upTo(3) }, () => pick(WORDS))];
}

for (const [name, table] of Object.entries(TABLES)) {
  Deno.test(`parseWords() parses command lines of ${name} as commander does, or declines them`, async () => {
    const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? 14);
    const random = new Random(seed);
    let [taken, left, refused] = [0, 0, 0];
    for (let line = 0; line < LINES; line++) {
      const words = randomWords(random, table);
      const [ours, theirs] = [parseWords(words, table), await byCommander(name, words)];
      const about = `seed ${seed}: ${name} ${JSON.stringify(words)}`;
      if (theirs === undefined) refused++;
      // The command itself refuses too few operands.
      if (ours === undefined) left++;
      else if (theirs !== undefined || name !== "exec" || ours.operands.length >= 2) {
        assert.deepEqual(ours, theirs, about);
      }
      if (ours !== undefined) taken++;
      // It may decline a valid line only because of unusual words.
      if (ours === undefined && theirs !== undefined) assert.match(words.join(" "), /(^| )-(\d|[a-z]+-)/, about);
    }
    assert.ok(taken > LINES / 8 && refused > LINES / 8, `${taken} taken, ${left} left, ${refused} refused`);
  });
}

Deno.test("parseWords() returns values, defaults, repeated options and combined letters", () => {
  const { options, operands } = parseWords(
    ["-it", "-eA=1", "--env=B=2", "-m", "1g", "alpine", "-c", "x"],
    TABLES.run!,
  )!;
  assert.deepEqual(options, { interactive: true, tty: true, env: ["A=1", "B=2"], memory: 1024, pull: "missing" });
  assert.deepEqual(operands, ["alpine", "-c", "x"]);
});

import assert from "node:assert/strict";
import { linesOf, withValue } from "./lines.ts";

Deno.test("linesOf() finds a key however it is written, and its table", () => {
  for (const line of ["a.b = 1", "a.b=1", '\t"a.b" = 1', "'a.b'.c = 1", "[a.b]", "[[ 'a.b'.c ]]", "a.b =\r"]) {
    assert.deepEqual(linesOf(`x = 1\n${line}\ny = 2\n`, "a.b"), [2], line);
  }
  for (const line of ["a-b = 1", "a.bc = 1", "xa.b = 1", "# a.b = 1", 'x = "a.b = 1"', "\"a.b' = 1", "a.b"]) {
    assert.deepEqual(linesOf(line, "a.b"), [], line);
  }
  assert.deepEqual(linesOf("a = 1\n\na = 2", "a"), [1, 3]);
});

Deno.test("linesOf() finds no key in a value of several lines, and finds those behind it", () => {
  const values = [
    '"""\na = 1\n\\"""\na = 2 # """\n"""',
    "'''\na = 1\n\"\"\"\n\\'''",
    '[ # [\n"a"\n]',
    '[\n"]",\n["a"\n,\n"a"]\n]',
  ];
  for (const value of values) {
    const text = `x = ${value}\n\na = "'[{"\na = '"#'\n`;
    const line = value.split("\n").length + 2;
    assert.deepEqual(linesOf(text, "a"), [line, line + 1], value);
  }
});

Deno.test("withValue() replaces the value and nothing else of the line", () => {
  const lines = {
    "a = 1": "a = 9",
    "a=1": "a=9",
    "\t'a'  =\t1_000\t# one": "\t'a'  =\t9\t# one",
    '"a" = "x # \\" y"# z': '"a" = 9# z',
    "a = 'x # y'  ## z": "a = 9  ## z",
    "a = 1\r": "a = 9\r",
    "a = 1 # b\r": "a = 9 # b\r",
  };
  for (const [line, expected] of Object.entries(lines)) {
    const text = (line: string) => `# a = 0\n\nab = 2\n${line}\n  # b\nb = "a = 3"`;
    assert.equal(withValue(text(line), "a", "9"), text(expected), line);
  }
});

Deno.test("withValue() replaces what is no TOML too", () => {
  const lines = ["a =", 'a = "x', "a = 1 GiB", "a = 9.9.9.9", "a = 'x' 'y'"];
  for (const line of lines) assert.match(withValue(`${line}\nb = 1\n`, "a", "9"), /^a = ?9\nb = 1\n$/, line);
});

Deno.test("withValue() takes a value as it is", () => {
  assert.equal(withValue("a = 1", "a", '"$1$&"'), 'a = "$1$&"');
});

Deno.test("withValue() adds a line for a key that has none", () => {
  assert.equal(withValue("", "a", "9"), "a = 9\n");
  assert.equal(withValue("# a = 1\n", "a", "9"), "# a = 1\na = 9\n");
  assert.equal(withValue("ab = 1", "a", "9"), "ab = 1\na = 9\n");
});

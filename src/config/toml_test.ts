import assert from "node:assert/strict";
import { parseToml, TomlSyntaxError } from "./toml.ts";

/** The values of a text, as plain objects. */
async function valuesOf(text: string): Promise<unknown> {
  return JSON.parse(JSON.stringify((await parseToml(text)).values));
}

Deno.test("parseToml() reads all forms of TOML", async () => {
  const texts: [text: string, values: unknown][] = [
    ["", {}],
    ["\ufeff# no more\n", {}],
    ["a = 1\r\n\r\nb = 2 # two\r\n", { a: 1, b: 2 }],
    ["a.b.c = 1\na.b.d = 2", { a: { b: { c: 1, d: 2 } } }],
    ['"a.b" = 1\n\'c\\d\' = 2\n1234 = 3\n"" = 4', { "a.b": 1, "c\\d": 2, "1234": 3, "": 4 }],
    ['"\\u0061\\U00000062" = 1', { ab: 1 }],
    ["__proto__ = 1\nconstructor = 2", JSON.parse('{"__proto__": 1, "constructor": 2}')],
    ["a = 0\nb = +99\nc = -17\nd = 1_000\ne = 0xdead_BEEF\nf = 0o755\ng = 0b1101", {
      a: 0,
      b: 99,
      c: -17,
      d: 1000,
      e: 0xdeadbeef,
      f: 0o755,
      g: 0b1101,
    }],
    ["a = 3.1415\nb = -0.01\nc = 5e+22\nd = 6.626e-34\ne = 1_0.5", {
      a: 3.1415,
      b: -0.01,
      c: 5e22,
      d: 6.626e-34,
      e: 10.5,
    }],
    ["a = true\nb = false", { a: true, b: false }],
    ['a = "\\b\\t\\n\\f\\r\\"\\\\\\u00e9\\U0001f600"', { a: '\b\t\n\f\r"\\\u00e9\u{1f600}' }],
    ["a = 'C:\\new # \"x\"'", { a: 'C:\\new # "x"' }],
    ['a = """\nx \\\n   y\n  "" z"""', { a: 'x y\n  "" z' }],
    ["a = '''\n\\x\n''y'''", { a: "\\x\n''y" }],
    ['a = [\n  "x", # "y",\n  [1, 2],\n]', { a: ["x", [1, 2]] }],
    ["a = [1, 'x', true, {}]", { a: [1, "x", true, {}] }],
    ["a = { b = 1, c.d = 2 }", { a: { b: 1, c: { d: 2 } } }],
    ["[a]\nx = 1\n[a.b]\ny = 2\n[ c . 'd' ]", { a: { x: 1, b: { y: 2 } }, c: { d: {} } }],
    ["[a.b]\n[a]\nx = 1", { a: { b: {}, x: 1 } }],
    ["[[a]]\nx = 1\n[[a]]\n[a.b]", { a: [{ x: 1 }, { b: {} }] }],
  ];
  for (const [text, values] of texts) assert.deepEqual(await valuesOf(text), values, text);
});

Deno.test("parseToml() refuses invalid TOML and names the line", async () => {
  const texts: [text: string, line: number][] = [
    // Keys
    ["a", 1],
    ["a =", 1],
    ["= 1", 1],
    ["a = 1\nb\n", 2],
    ["a b = 1", 1],
    ["a\n= 1", 1],
    ["a. = 1", 1],
    ["a..b = 1", 1],
    ["\u00e4 = 1", 1],
    ['"a = 1', 1],
    ['"""a""" = 1', 1],
    // Statements
    ["a = 1 b = 2", 1],
    ["a = 1, b = 2", 1],
    ['\na = "x" y', 2],
    ["[a] b = 1", 1],
    ["a = 1\rb = 2", 1],
    // Duplicates
    ["a = 1\na = 2", 2],
    ["a = 1\n'a' = 1", 2],
    ['a_b = 1\n\n"a\\u005fb" = 2', 3],
    ["a = 1\na.b = 2", 2],
    ["a.b = 1\na.b.c = 2", 2],
    ["[a]\n[a]", 2],
    ["a = 1\n[a]", 2],
    ["[a]\nb = 1\n[a.b]", 3],
    ["a = []\n[[a]]", 2],
    ["[a]\n[[a]]", 2],
    ["a.b = 1\n[a]", 2],
    ["a = {}\n[a.b]", 2],
    ["a = { b = 1, b = 2 }", 1],
    // Tables
    ["[a", 1],
    ["[]", 1],
    ["[[a]", 1],
    ["[a]]", 1],
    // Numbers and other values without quotes
    ["a = 01", 1],
    ["a = 1__0", 1],
    ["a = _1", 1],
    ["a = 1_", 1],
    ["a = 0x", 1],
    ["a = 0xg", 1],
    ["a = 0b2", 1],
    ["a = -0x1", 1],
    ["a = 0X1", 1],
    ["a = 1.", 1],
    ["a = .5", 1],
    ["a = 1e", 1],
    ["a = 9.9.9.9", 1],
    ["a = 9223372036854775807", 1], // Not a safe integer in JavaScript.
    ["a = True", 1],
    ["a = yes", 1],
    ["a = 1g", 1],
    ["a = 2026-13-01", 1],
    // Texts
    ['a = "x', 1],
    ["a = 'x", 1],
    ['a = "x\ny"', 1],
    ["a = 'x\ny'", 1],
    ['a = "\\q"', 1],
    ['a = "\\u12"', 1],
    ['a = "\\ud800"', 1],
    ['a = "\x07"', 1],
    ["a = '\x00'", 1],
    ["a = 'it's'", 1],
    ["# \x07", 1],
    // Lists and tables in a line
    ["a = [1 2]", 1],
    ["a = [1,, 2]", 1],
    ["a = [,]", 1],
    ["a = 1]", 1],
    ["a = { b = 1,, c = 2 }", 1],
    ["a = { b }", 1],
  ];
  for (const [text, line] of texts) {
    await assert.rejects(parseToml(text), (error) => {
      assert.ok(error instanceof TomlSyntaxError, text);
      assert.match(error.message, new RegExp(`^line ${line}, column \\d+: .+[^.]$`), text);
      return true;
    }, text);
  }
});

Deno.test("parseToml() refuses an unterminated text or list", async () => {
  for (const text of ['a = """\nx\n"', "a = '''\nx\n", "a = [\n1,\n", "a = {\n"]) {
    await assert.rejects(parseToml(text), { name: "TomlSyntaxError", message: /^line \d, column \d+: / }, text);
  }
});

Deno.test("lineOf() finds a key in any spelling, and its table", async () => {
  const lines = [
    "'a.b' = 1",
    '\t"a.b"=1',
    "'a.b'.c = 1",
    "['a.b']",
    "[[ 'a.b'.c ]]",
    '"a\\u002eb" = 1',
    "'a.b' = 1\r",
  ];
  for (const line of lines) assert.equal((await parseToml(`x = 1\n${line}\n`)).lineOf("a.b"), 2, line);
  for (const line of ["a-b = 1", "a.b = 1", "xa.b = 1", "# 'a.b' = 1", "x = \"'a.b' = 1\"", "x.'a.b' = 1"]) {
    assert.equal((await parseToml(line)).lineOf("a.b"), undefined, line);
  }
  assert.equal((await parseToml("a.x = 1\n\na.y = 2")).lineOf("a"), 1);
});

Deno.test("lineOf() finds no key inside a multi-line value, and finds the keys after it", async () => {
  const values = [
    '"""\na = 1\n\\"""\na = 2 # """',
    "'''\na = 1\n\"\"\"\n\\'''",
    '[ # [\n"a"\n]',
    '[\n"]",\n["a"\n,\n"a"]\n]',
  ];
  for (const value of values) {
    const { lineOf } = await parseToml(`x = ${value}\n\na = """\n"""\n`);
    assert.equal(lineOf("a"), value.split("\n").length + 2, value);
    assert.equal(lineOf("x"), 1);
  }
});

import assert from "node:assert/strict";
import { withValue } from "./lines.ts";

Deno.test("withValue() replaces only the value of the line", () => {
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

Deno.test("withValue() replaces invalid values too", () => {
  const lines = ["a =", 'a = "x', "a = 1 GiB", "a = 9.9.9.9", "a = 'x' 'y'"];
  for (const line of lines) assert.match(withValue(`${line}\nb = 1\n`, "a", "9"), /^a = ?9\nb = 1\n$/, line);
});

Deno.test("withValue() inserts special characters of a value literally", () => {
  assert.equal(withValue("a = 1", "a", '"$1$&"'), 'a = "$1$&"');
});

Deno.test("withValue() adds a line for a missing key", () => {
  assert.equal(withValue("", "a", "9"), "a = 9\n");
  assert.equal(withValue("# a = 1\n", "a", "9"), "# a = 1\na = 9\n");
  assert.equal(withValue("ab = 1", "a", "9"), "ab = 1\na = 9\n");
});

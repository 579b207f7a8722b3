import assert from "node:assert/strict";
import { Fields } from "./fields.ts";

const fields = (value: unknown) => new Fields(value, { what: "It", code: "state" });

Deno.test("Fields reads each kind of field", () => {
  const all = fields({
    s: "text",
    b: false,
    i: 7,
    o: "two",
    ss: ["a", "b"],
    m: { a: "1", b: "" },
    l: [1, 2],
    f: { inner: "x" },
  });
  assert.equal(all.string("s"), "text");
  assert.equal(all.boolean("b"), false);
  assert.equal(all.integer("i", 7, 7), 7);
  assert.equal(all.oneOf("o", ["one", "two"]), "two");
  assert.deepEqual(all.strings("ss"), ["a", "b"]);
  assert.deepEqual(all.stringMap("m"), { a: "1", b: "" });
  assert.deepEqual(all.list("l", (item, what) => [what, item]), [["l[0]", 1], ["l[1]", 2]]);
  const inner = all.object("f");
  assert.equal(inner.string("inner"), "x");
  inner.end();
  all.end();
});

Deno.test("Fields refuses a value that is not an object", () => {
  const kinds = { "null": null, "a list": [], "a string": "x", "a number": 1, "missing": undefined };
  for (const [kind, value] of Object.entries(kinds)) {
    assert.throws(() => fields(value), { code: "state", message: `It is ${kind}, expected an object` });
  }
});

Deno.test("Fields names a missing or mistyped field, its value and the expected type", () => {
  const value = { text: "x", number: 1, list: [], none: null };
  const reads: [read: (from: Fields) => unknown, message: string][] = [
    [(from) => from.string("absent"), "It: absent is missing, expected a string"],
    [(from) => from.string("number"), "It: number is 1, expected a string"],
    [(from) => from.string("none"), "It: none is null, expected a string"],
    [(from) => from.boolean("text"), "It: text is a string, expected a boolean"],
    [(from) => from.integer("text", 1, 2), "It: text is a string, expected an integer from 1 to 2"],
    [(from) => from.oneOf("text", ["a", "b"]), "It: text is a string, expected one of a, b"],
    [(from) => from.strings("text"), "It: text is a string, expected a list"],
    [(from) => from.object("list"), "It: list is a list, expected an object"],
  ];
  for (const [read, message] of reads) assert.throws(() => read(fields(value)), { code: "state", message });
});

Deno.test("Fields.integer() refuses fractions, numbers out of range and unsafe integers", () => {
  for (const value of [0, 11, 1.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => fields({ value }).integer("value", 1, 10), {
      message: `It: value is ${value}, expected an integer from 1 to 10`,
    });
  }
});

Deno.test("Fields.strings() names the item", () => {
  assert.throws(() => fields({ list: ["a", null] }).strings("list"), {
    message: "It: list[1] is null, expected a string",
  });
});

Deno.test("Fields.object() names the path of the object in errors", () => {
  const inner = fields({ a: { b: { c: 1, d: 2 } } }).object("a").object("b");
  assert.throws(() => inner.string("c"), { message: "It: a: b: c is 1, expected a string" });
});

Deno.test("Fields.has() treats null as missing", () => {
  const both = fields({ none: null, zero: 0 });
  assert.deepEqual([both.has("none"), both.has("absent"), both.has("zero")], [false, false, true]);
  both.integer("zero", 0, 0);
  both.end();
});

Deno.test("Fields.end() names a field that was not read", () => {
  assert.throws(() => fields({ extra: 1 }).end(), { code: "state", message: 'It: unknown key "extra"' });
  const known = fields({ a: 1 });
  assert.throws(() => known.string("a"));
  assert.throws(
    () => known.end(),
    { message: 'It: unknown key "a"' },
    "a field that failed to parse still counts as unread",
  );
});

Deno.test("Fields ignores properties that objects inherit", () => {
  assert.throws(() => fields({}).string("constructor"), { message: /constructor is missing/ });
  assert.equal(fields({}).has("toString"), false);
});

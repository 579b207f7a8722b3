import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { decodeStart, encodeStart } from "./start_report.ts";

/** Decodes an encoded line. */
function pass(result: { pid: number } | SmolvmError): number {
  const text = new TextDecoder().decode(encodeStart(result));
  assert.match(text, /^[^\n]+\n$/, "the report is one line");
  return decodeStart(text.trimEnd());
}

Deno.test("decodeStart() returns the process id of a machine that is ready", () => {
  assert.equal(pass({ pid: 4711 }), 4711);
});

Deno.test("decodeStart() throws the error that encodeStart() was given", () => {
  const errors = [
    new SmolvmError("guest", 'It died:\n  "last words"'),
    new SmolvmError("krun", "No", { hint: "Upgrade libkrun." }),
  ];
  for (const error of errors) {
    const { code, message, hint } = error;
    assert.throws(() => pass(error), (thrown: SmolvmError) => {
      assert.deepEqual({ ...thrown, message: thrown.message }, { ...error, message });
      assert.deepEqual([thrown.code, thrown.hint], [code, hint]);
      return true;
    });
  }
});

Deno.test("decodeStart() refuses an invalid report", () => {
  for (const report of [{}, { pid: 0 }, { pid: 1, extra: 1 }, { code: "odd", message: "It died" }]) {
    assert.throws(() => decodeStart(JSON.stringify(report)), { code: "internal", message: /^Start report: / });
  }
  for (const line of ["", "{", "[".repeat(50_000), '{"version":2}']) {
    assert.throws(() => decodeStart(line), {
      code: "internal",
      message: /^Start report (is not JSON: |has schema 2)/,
    });
  }
});

Deno.test("decodeStart() removes control characters of an error and limits its length", () => {
  const report = { code: "guest", message: `\x1b]0;title\x07${"x".repeat(20_000)}`, hint: "\x1b[2J" };
  assert.throws(() => decodeStart(JSON.stringify(report)), (error: SmolvmError) => {
    assert.match(error.message, /^\?\]0;title\?x+$/);
    assert.ok(error.message.length < 17_000);
    assert.equal(error.hint, "?[2J");
    return true;
  });
});

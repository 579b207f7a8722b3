import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { decodeStart, encodeStart } from "./start_report.ts";

/** What the other side makes of the line. */
const pass = (error?: SmolvmError) => {
  const text = new TextDecoder().decode(encodeStart(error));
  assert.match(text, /^[^\n]+\n$/, "the report is one line");
  return decodeStart(text.trimEnd());
};

Deno.test("decodeStart() has no error of a machine that can be attached to", () => {
  assert.equal(pass(), undefined);
});

Deno.test("decodeStart() has the error that encodeStart() was given", () => {
  const errors = [
    new SmolvmError("guest", 'It died:\n  "last words"'),
    new SmolvmError("krun", "No", { hint: "Upgrade libkrun." }),
  ];
  for (const error of errors) {
    const { code, message, hint } = error;
    assert.deepEqual({ ...pass(error) }, { ...new SmolvmError(code, message, { hint }) });
    assert.equal(pass(error)?.message, message);
  }
});

Deno.test("decodeStart() refuses a report that is none", () => {
  const hintless = { code: "guest", message: "It died" };
  assert.equal(decodeStart(JSON.stringify(hintless))?.hint, undefined);
  for (const report of [{}, { ...hintless, code: "odd" }, { ...hintless, extra: 1 }]) {
    assert.throws(() => decodeStart(JSON.stringify(report)), { code: "internal", message: /^Start report: / });
  }
});

import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { reportError } from "./report.ts";

Deno.test("reportError() gives a terminal no commands of a guest's", () => {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (text: unknown) => printed.push(text);
  try {
    reportError(new SmolvmError("copy", 'Cannot copy "\x1b]0;owned\x07\x9b2J": \u{e4}\n\tlast words'));
  } finally {
    console.error = error;
  }
  // On a terminal what comes first has a colour.
  assert.ok(`${printed}`.endsWith(' Cannot copy "?]0;owned??2J": \u{e4}\n\tlast words'), `${printed}`);
});

import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { reportError } from "./report.ts";

Deno.test("reportError() gives a terminal no commands of a guest's", () => {
  let printed = "";
  const { writeSync } = Deno.stderr;
  Deno.stderr.writeSync = (data) => {
    printed += new TextDecoder().decode(data);
    return data.length;
  };
  try {
    reportError(new SmolvmError("copy", 'Cannot copy "\x1b]0;owned\x07\x9b2J": \u{e4}\n\tlast words'));
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
  // On a terminal what comes first has a colour.
  assert.ok(printed.endsWith(' Cannot copy "?]0;owned??2J": \u{e4}\n\tlast words\n'), printed);
});

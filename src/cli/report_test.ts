import assert from "node:assert/strict";
import { SmolvmError } from "../errors.ts";
import { reportError } from "./report.ts";

Deno.test("reportError() replaces terminal escape sequences from a guest", () => {
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
  // On a terminal, the prefix is coloured.
  assert.ok(printed.endsWith(' Cannot copy "?]0;owned??2J": \u{e4}\n\tlast words\n'), printed);
});

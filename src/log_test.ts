import assert from "node:assert/strict";
import { configureLog, log, logLevel } from "./log.ts";

/** The lines that are logged at a level. */
function linesAt(level: Parameters<typeof log>[0], write: () => void): string[] {
  const before = logLevel();
  const lines: string[] = [];
  configureLog({ level, sink: (line) => lines.push(line) });
  try {
    write();
  } finally {
    configureLog({ level: before, sink: () => {} });
  }
  return lines;
}

Deno.test("log() logs messages up to the level, with the time", () => {
  const lines = linesAt("info", () => {
    for (const level of ["error", "warn", "info", "debug", "trace"] as const) log(level, `a message of ${level}`);
  });
  assert.equal(lines.length, 3);
  for (const [index, level] of ["error", "warn ", "info "].entries()) {
    assert.match(lines[index]!, new RegExp(`^ *\\d+ ms ${level} a message of ${level.trim()}$`));
  }
});

Deno.test("log() does not create a message that is not logged", () => {
  assert.deepEqual(linesAt("warn", () => log("debug", () => assert.fail("the message was made"))), []);
  assert.match(linesAt("trace", () => log("debug", () => "made"))[0]!, / made$/);
});

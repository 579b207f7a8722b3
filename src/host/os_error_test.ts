import assert from "node:assert/strict";
import { osFailure, osReason } from "./os_error.ts";

Deno.test("osReason() keeps only the OS's text", () => {
  let missing: unknown;
  try {
    Deno.readTextFileSync("/nonexistent/file");
  } catch (error) {
    missing = error;
  }
  assert.equal(osReason(missing), "No such file or directory");
});

Deno.test("osReason() keeps every other message", () => {
  assert.equal(osReason(new Error("Bad resource ID")), "Bad resource ID");
  assert.equal(osReason("text"), "text");
});

Deno.test("osFailure() names the failed action and its file", () => {
  const failures: [act: () => unknown, message: string][] = [
    [() => Deno.readTextFileSync("/nonexistent/file"), 'Cannot read "/nonexistent/file": No such file or directory'],
    [() => Deno.openSync("/nonexistent/it's"), `Cannot open "/nonexistent/it's": No such file or directory`],
    [() => Deno.renameSync("/none/a", "/none/b"), 'Cannot rename "/none/a" to "/none/b": No such file or directory'],
    [() => Deno.mkdirSync("/none/a"), 'Cannot create "/none/a": No such file or directory'],
  ];
  for (const [act, message] of failures) {
    try {
      act();
      assert.fail(message);
    } catch (error) {
      assert.equal(osFailure(error), message);
    }
  }
  assert.equal(osFailure(new Error("Connection refused (os error 111)")), "Connection refused");
  assert.equal(osFailure("text"), "text");
});

import assert from "node:assert/strict";
import { osReason } from "./os_error.ts";

Deno.test("osReason() keeps the words of the OS and nothing else", () => {
  let missing: unknown;
  try {
    Deno.readTextFileSync("/nonexistent/file");
  } catch (error) {
    missing = error;
  }
  assert.equal(osReason(missing), "No such file or directory");
});

Deno.test("osReason() leaves every other message alone", () => {
  assert.equal(osReason(new Error("Bad resource ID")), "Bad resource ID");
  assert.equal(osReason("text"), "text");
});

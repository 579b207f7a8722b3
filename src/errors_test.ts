import assert from "node:assert/strict";
import { messageOf, SmolvmError } from "./errors.ts";

Deno.test("SmolvmError has its code, hint and cause, and no cause property without a cause", () => {
  const cause = new Error("disk full");
  const error = new SmolvmError("storage", "Cannot write", { cause, hint: "Make room." });
  assert.deepEqual(
    [error.name, error.code, error.message, error.hint, error.cause],
    ["SmolvmError", "storage", "Cannot write", "Make room.", cause],
  );
  assert.equal("cause" in new SmolvmError("usage", "No"), false);
});

Deno.test("messageOf() returns the message of an error, or the text of any other value", () => {
  assert.equal(messageOf(new TypeError("wrong")), "wrong");
  assert.equal(messageOf("text"), "text");
  assert.equal(messageOf(undefined), "undefined");
});

import assert from "node:assert/strict";
import { describeErrno } from "./errno.ts";

Deno.test("describeErrno() returns the text and name of a Linux error, or the number of any other", () => {
  assert.equal(describeErrno(2), "No such file or directory (ENOENT)");
  assert.equal(describeErrno(28), "No space left on device (ENOSPC)");
  assert.equal(describeErrno(9999), "error 9999");
});

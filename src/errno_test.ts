import assert from "node:assert/strict";
import { describeErrno } from "./errno.ts";

Deno.test("describeErrno() has the text and the name of Linux's errors, and the number of any other", () => {
  assert.equal(describeErrno(2), "No such file or directory (ENOENT)");
  assert.equal(describeErrno(28), "No space left on device (ENOSPC)");
  assert.equal(describeErrno(9999), "error 9999");
});

import assert from "node:assert/strict";
import { judgeKernel, judgeOpenFiles } from "./virtualization.ts";

Deno.test("judgeKernel() requires a Linux with recursive read-only mounts", () => {
  for (const release of ["5.12.0", "5.15.0-91-generic", "6.1.0-40-amd64", "10.0"]) {
    assert.deepEqual(judgeKernel(release), { status: "ok", found: `Linux ${release}` });
  }
  for (const release of ["5.11.22", "5.4.0-1", "4.19.0"]) assert.equal(judgeKernel(release).status, "error", release);
});

Deno.test("judgeOpenFiles() warns of a limit that makes guests slow", () => {
  assert.equal(judgeOpenFiles(undefined).status, "ok");
  const { status, found, hint } = judgeOpenFiles(4096);
  assert.equal(status, "warning");
  assert.match(found, /^4096 for each VM: .*"Too many open files"$/);
  assert.match(hint!, /limits\.conf/);
});

import assert from "node:assert/strict";
import { judgeKernel } from "./virtualization.ts";

Deno.test("judgeKernel() demands the Linux that can make mounts read-only", () => {
  for (const release of ["5.12.0", "5.15.0-91-generic", "6.1.0-40-amd64", "10.0"]) {
    assert.deepEqual(judgeKernel(release), { status: "ok", found: `Linux ${release}` });
  }
  for (const release of ["5.11.22", "5.4.0-1", "4.19.0"]) assert.equal(judgeKernel(release).status, "error", release);
});

import assert from "node:assert/strict";
import type { KrunFacts } from "../runner_interface/library_report.ts";
import { judgeKrun } from "./libraries.ts";

const judge = (facts: Partial<KrunFacts>, os = "linux") =>
  judgeKrun({ path: "/lib/libkrun.so.1.17.4", features: ["NET", "BLK"], missing: [], ...facts }, os);

Deno.test("judgeKrun() reports version, file and features", () => {
  const paths = {
    "/lib/libkrun.so.1.17.4": "1.17.4, ",
    "/lib/libkrun.so.1.17.4+smolvm1": "1.17.4+smolvm1, ",
    "/opt/homebrew/Cellar/libkrun/1.18.0/lib/libkrun.1.dylib": "1.18.0, ",
    "/usr/lib/libkrun.so.1": "",
  };
  for (const [path, version] of Object.entries(paths)) {
    assert.deepEqual(judge({ path }), { status: "ok", found: `${version}${path}, with NET, BLK` });
  }
  assert.deepEqual(judge({ path: "/k", features: null }), { status: "ok", found: "/k" });
});

Deno.test("judgeKrun() requires disk support, even if libkrun cannot list its features", () => {
  for (const facts of [{ features: [] }, { features: null, missing: ["krun_add_disk2", "krun_add_disk3"] }]) {
    const { status, found, hint } = judge({ path: "/k", ...facts });
    assert.deepEqual({ status, found }, { status: "error", found: "/k; it does not support disks" });
    assert.match(hint ?? "", /BLK=1/);
  }
  assert.equal(judge({ missing: ["krun_add_disk3"] }).status, "ok");
});

Deno.test("judgeKrun() requires network isolation, and read-only shares on macOS", () => {
  assert.match(judge({ missing: ["krun_add_vsock"] }).hint ?? "", /1\.17/);
  const old = { missing: ["krun_add_virtiofs3"] };
  assert.equal(judge(old).status, "ok");
  assert.match(judge(old, "darwin").hint ?? "", /1\.18/);
});

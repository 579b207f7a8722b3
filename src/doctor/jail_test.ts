import assert from "node:assert/strict";
import { countIds, judgeCgroup, judgeIds } from "./jail.ts";

Deno.test("judgeCgroup() warns when a VM has only the limits of the process that starts it", () => {
  assert.equal(judgeCgroup("0::/\n", { isRoot: true }).status, "ok");
  assert.equal(judgeCgroup("0::/\n", { isRoot: false }).status, "warning");
  const { status, hint } = judgeCgroup("0::/system.slice/ci.service\n", { isRoot: true });
  assert.equal(status, "warning");
  assert.match(hint ?? "", /systemd-run/);
});

Deno.test("countIds() adds the ranges of a user, by name or by id", () => {
  const text = "# comment\nalice:100000:65536\nbob:165536:10\n1000:200000:5\n";
  assert.equal(countIds(text, ["alice", "1000"]), 65_541);
  assert.equal(countIds(text, ["carol", "1001"]), 0);
});

Deno.test("judgeIds() requires enough ids for images, of users and of groups", () => {
  assert.deepEqual(judgeIds("a", { u: 65_536, g: 65_536 }), { status: "ok", found: "65536 in u, 65536 in g" });
  const { status, hint } = judgeIds("alice", { u: 65_536, g: 65_535 });
  assert.equal(status, "error");
  assert.match(hint ?? "", /usermod .* alice$/);
});

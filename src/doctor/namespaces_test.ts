import assert from "node:assert/strict";
import { countIds, judgeIds, namespaceHint } from "./namespaces.ts";

Deno.test("namespaceHint() names the setting that forbids namespaces, of Debian, of any Linux and of Ubuntu", () => {
  const hint = (settings: Record<string, string>) => namespaceHint((name) => settings[name]);
  const forbidden = {
    "kernel.unprivileged_userns_clone": ["0", "1"],
    "user.max_user_namespaces": ["0", "15000"],
    "kernel.apparmor_restrict_unprivileged_userns": ["1", "0"],
  };
  for (const [name, [value, cure]] of Object.entries(forbidden)) {
    assert.ok(hint({ [name]: value! }).includes(`sudo sysctl ${name}=${cure} `), name);
    assert.doesNotMatch(hint({ [name]: cure! }), /sysctl/);
  }
});

Deno.test("countIds() adds up the ranges of a user, by name or by id", () => {
  const text = "# comment\nalice:100000:65536\nbob:165536:10\n1000:200000:5\n";
  assert.equal(countIds(text, ["alice", "1000"]), 65_541);
  assert.equal(countIds(text, ["carol", "1001"]), 0);
});

Deno.test("judgeIds() demands as many ids as images have, of users and of groups", () => {
  assert.deepEqual(judgeIds("a", { u: 65_536, g: 65_536 }), { status: "ok", found: "65536 in u, 65536 in g" });
  const { status, hint } = judgeIds("alice", { u: 65_536, g: 65_535 });
  assert.equal(status, "error");
  assert.match(hint ?? "", /usermod .* alice$/);
});

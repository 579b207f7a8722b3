import assert from "node:assert/strict";
import { jailFailure, jailHint, jailPrefix } from "./prefix.ts";

Deno.test("jailHint() names the setting that forbids namespaces, for Debian, any Linux and Ubuntu", () => {
  const hint = (settings: Record<string, string>) => jailHint((name) => settings[name]);
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

Deno.test("jailFailure() reports the last line of smolvm-jail, and ignores earlier output", () => {
  const { code, message } = jailFailure("warning: x\nsmolvm-jail: making namespaces: Operation not permitted\n");
  assert.equal(code, "jail");
  assert.equal(message, "Cannot start the VM's process in its jail: making namespaces: Operation not permitted");
});

Deno.test("jailPrefix() has --unjailed and --host-network only if wanted", () => {
  const options = (isJailed: boolean, keepsNetwork: boolean) => jailPrefix({ isJailed, keepsNetwork }).slice(1);
  assert.deepEqual(options(true, false), []);
  assert.deepEqual(options(false, true), ["--unjailed", "--host-network"]);
});

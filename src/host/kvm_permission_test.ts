import assert from "node:assert/strict";
import { exists } from "./files.ts";
import { type KvmPermission, kvmPermissionHint, readKvmPermission } from "./kvm_permission.ts";

const GROUPS = "root:x:0:\nusers:x:100:ann,bob\n";
const KVM = `${GROUPS}kvm:x:108:ann\n`;

/** The hint for the user bob and a device that belongs to root and group 108, which may use it. */
const hint = (facts: Partial<KvmPermission>) =>
  kvmPermissionHint({
    uid: 0,
    gid: 108,
    mode: 0o20660,
    processUid: 1000,
    processGids: [1000, 100],
    userName: "bob",
    groups: KVM,
    ...facts,
  });

Deno.test("kvmPermissionHint() depends on the facts", () => {
  assert.equal(hint({}), "Join the kvm group with `sudo usermod -aG kvm $USER` and log in again.");
  assert.match(hint({ groups: `${GROUPS}virt:x:108:\n` }), /^Join the virt group with `sudo usermod -aG virt \$USER`/);
  assert.equal(hint({ userName: "ann" }), "You are in the kvm group, but not yet in this session: log in again.");
  // As in a container that has the host's device.
  assert.match(
    hint({ groups: GROUPS }),
    /^Its group 108 has no name here: .*groupadd --gid 108 kvm` and `.*-aG kvm \$USER/,
  );
  assert.match(hint({ groups: `${GROUPS}kvm:x:36:\n` }), /groupadd --gid 108 kvm108` and `.*-aG kvm108 \$USER/);
});

Deno.test("kvmPermissionHint() recommends no group that may not use the device or does not exist", () => {
  for (const facts of [{ gid: 0, mode: 0o20600 }, { gid: 0 }, { mode: 0o20640 }, { mode: 0o20600 }]) {
    const there = hint(facts);
    assert.match(
      there,
      /^Until the next boot: `sudo setfacl -m u:\$USER:rw \/dev\/kvm`; for good: `echo 'KERNEL=="kvm", /,
    );
    assert.doesNotMatch(there, /groupadd/);
    assert.match(hint({ ...facts, groups: GROUPS }), /for good: `sudo groupadd --system kvm`, then `echo 'KERNEL/);
  }
});

Deno.test("kvmPermissionHint() names other causes when the permissions allow it", () => {
  const allowed = [{ processUid: 0, mode: 0o20600 }, { processGids: [108] }, { mode: 0o20666 }, { uid: 1000 }];
  for (const facts of allowed) assert.match(hint(facts), /^Its permissions let you use it: .*docker run --device/);
});

Deno.test("readKvmPermission() reads the facts of this process", { ignore: !exists("/dev/kvm") }, () => {
  const { processUid, processGids, groups } = readKvmPermission();
  assert.equal(processUid, Deno.uid());
  assert.ok(processGids.includes(Deno.gid()!));
  assert.match(groups, /^root:/m);
});

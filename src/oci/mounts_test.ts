import assert from "node:assert/strict";
import type { OciMount } from "./config.ts";
import { planMounts, tmpfsSizeKib } from "./mounts.ts";

const plan = (...mounts: OciMount[]) => planMounts(mounts, { bundle: "/b", shmSizeKib: () => 3072 });
const none = { readOnly: false, noSuid: false, noDevices: false, noExec: false };

Deno.test("planMounts() makes binds shared mounts of the guest, in the engine's order, with their flags", () => {
  const { guest, shared, outer } = plan(
    { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "ro", "nosuid"] },
    { destination: "/etc/hosts", source: "hosts", options: ["bind"] },
  );
  assert.deepEqual(guest, [
    { source: "/s/v0", target: "/data", ...none, readOnly: true, noSuid: true },
    { source: "/s/v1", target: "/etc/hosts", ...none },
  ]);
  assert.deepEqual(shared, [{ source: "/srv", readOnly: true }, { source: "/b/hosts", readOnly: false }]);
  assert.deepEqual(outer, []);
});

Deno.test("planMounts() makes a tmpfs in the guest, with the options specific to tmpfs", () => {
  const options = ["nosuid", "noexec", "nodev", "size=1m", "mode=700", "tmpcopyup", "rprivate"];
  assert.deepEqual(plan({ destination: "/run", type: "tmpfs", source: "tmpfs", options }).guest, [
    {
      source: "size=1m,mode=700",
      target: "/run",
      isTmpfs: true,
      readOnly: false,
      noSuid: true,
      noDevices: true,
      noExec: true,
    },
  ]);
});

Deno.test("planMounts() gives the guest a /dev/shm of its own, as large as the engine's", () => {
  const bind = plan({ destination: "/dev/shm", type: "bind", source: "/c/shm", options: ["bind"] });
  assert.deepEqual(bind.guest, [{ source: "size=3072k,mode=1777", target: "/dev/shm", isTmpfs: true, ...none }]);
  assert.deepEqual(bind.shared, []);
  const own = plan({ destination: "/dev/shm", type: "tmpfs", options: ["mode=1777", "size=9k"] });
  assert.equal(own.guest[0]!.source, "mode=1777,size=9k");
});

Deno.test("planMounts() keeps the kernel's file systems out of the guest's mounts", () => {
  const mounts: OciMount[] = [["/proc", "proc"], ["/dev", "tmpfs"], ["/dev/pts", "devpts"], ["/sys", "sysfs"]]
    .map(([destination, type]) => ({ destination: destination!, type: type! }));
  const others: OciMount[] = [
    { destination: "/dev/mqueue", type: "mqueue" },
    { destination: "/sys/fs/cgroup", type: "cgroup" },
    { destination: "/sys/fs/bpf", type: "bind", source: "/sys/fs/bpf" },
  ];
  assert.deepEqual(plan(...mounts, ...others), { outer: mounts, guest: [], shared: [] });
});

Deno.test("tmpfsSizeKib() reads the size of the tmpfs at exactly that path", () => {
  const mountinfo =
    "35 24 0:30 / /shm rw - tmpfs shm rw,size=64000k,inode64\n36 24 0:31 / /run rw - tmpfs tmpfs rw,size=9k\n";
  assert.equal(tmpfsSizeKib(mountinfo, "/shm"), 64000);
  assert.equal(tmpfsSizeKib(mountinfo, "/sh"), undefined);
});

import assert from "node:assert/strict";
import type { BootFolder } from "./boot_folder.ts";
import { guestSetup } from "./guest_setup.ts";
import type { RunnerSpec } from "./spec.ts";

const BOOT: BootFolder = {
  rootfs: "/s/rootfs",
  mounts: [{ source: "/s/v0", target: "/data", readOnly: true }],
  shares: [],
};

/** The setup of a machine of which only this matters. */
const setupOf = ({ hostname, nameservers }: { hostname: string; nameservers: string[] }) =>
  guestSetup({ machine: { hostname }, nameservers } as RunnerSpec, BOOT);

function filesOf(nameservers: string[]): Record<string, string> {
  const { files } = setupOf({ hostname: "web", nameservers });
  for (const { mode } of files) assert.equal(mode, 0o644);
  return Object.fromEntries(files.map(({ path, content }) => [path, new TextDecoder().decode(content)]));
}

Deno.test("guestSetup() has the root and the mounts of the boot folder, over a disk", () => {
  const { rootfs, mounts, overlay, hostname } = setupOf({ hostname: "web", nameservers: [] });
  assert.deepEqual({ rootfs, mounts, overlay, hostname }, {
    rootfs: "/s/rootfs",
    mounts: BOOT.mounts,
    overlay: true,
    hostname: "web",
  });
});

Deno.test("guestSetup() has the time of now", () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const { clockNs } = setupOf({ hostname: "web", nameservers: [] });
  assert.ok(clockNs >= before && clockNs <= BigInt(Date.now()) * 1_000_000n);
});

Deno.test("guestSetup() names the guest in the files that programs look into", () => {
  const files = filesOf([]);
  assert.equal(files["/etc/hostname"], "web\n");
  assert.match(files["/etc/hosts"]!, /^127\.0\.0\.1 localhost\n/);
  assert.match(files["/etc/hosts"]!, /^127\.0\.1\.1 web$/m);
});

Deno.test("guestSetup() writes resolv.conf for a machine with name servers and leaves another's alone", () => {
  assert.equal(filesOf(["9.9.9.9", "1.1.1.1"])["/etc/resolv.conf"], "nameserver 9.9.9.9\nnameserver 1.1.1.1\n");
  assert.equal("/etc/resolv.conf" in filesOf([]), false);
});

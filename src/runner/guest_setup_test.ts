import assert from "node:assert/strict";
import { makeRecord } from "../../tests/helpers/machines.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import type { BootFolder } from "./boot_folder.ts";
import { guestSetup, shareFiles } from "./guest_setup.ts";

const BOOT: BootFolder = {
  rootfs: "/s/rootfs",
  mounts: [{ source: "/s/v0", target: "/data", readOnly: true }],
  shares: [],
};

/** The setup of a machine with these properties. */
const setupOf = (
  { net = false, allowNet = [], ephemeral = false }: { net?: boolean; allowNet?: string[]; ephemeral?: boolean } = {},
) =>
  guestSetup({ machine: makeRecord({ hostname: "web", net, allowNet }), ephemeral } as RunnerSpec, {
    ...BOOT,
    openFiles: 4096n,
  });

function filesOf(...args: Parameters<typeof setupOf>): Record<string, string> {
  const { files } = setupOf(...args);
  for (const { mode } of files) assert.equal(mode, 0o644);
  return Object.fromEntries(files.map(({ path, content }) => [path, new TextDecoder().decode(content)]));
}

Deno.test("guestSetup() uses the root and the mounts of the boot folder, with an overlay on the disk", () => {
  const { rootfs, mounts, overlay, hostname } = setupOf();
  assert.deepEqual({ rootfs, mounts, overlay, hostname }, {
    rootfs: "/s/rootfs",
    mounts: BOOT.mounts,
    overlay: true,
    hostname: "web",
  });
});

Deno.test("guestSetup() contains whether the machine is ephemeral", () => {
  for (const ephemeral of [true, false]) {
    assert.equal(setupOf({ ephemeral }).ephemeral, ephemeral);
  }
});

Deno.test({
  name: "shareFiles() reserves some open files for the VM's process itself",
  ignore: Deno.build.os === "darwin",
  fn() {
    assert.equal(setupOf().shareFiles, 4096 - 256);
    assert.deepEqual([100n, 1_048_576n, 2n ** 64n - 1n].map(shareFiles), [1, 1_048_320, 0]);
  },
});

Deno.test("guestSetup() contains the current time", () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const { clockNs } = setupOf();
  assert.ok(clockNs >= before && clockNs <= BigInt(Date.now()) * 1_000_000n);
});

Deno.test("guestSetup() writes the host name to /etc/hostname and /etc/hosts", () => {
  const files = filesOf();
  assert.equal(files["/etc/hostname"], "web\n");
  assert.match(files["/etc/hosts"]!, /^127\.0\.0\.1 localhost\n/);
  assert.match(files["/etc/hosts"]!, /^127\.0\.1\.1 web$/m);
});

const IPV6 = {
  address6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0002n,
  prefix6: 64,
  gateway6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0001n,
};

Deno.test("guestSetup() configures a network, with the gateway as name server, only for machines with one", () => {
  assert.deepEqual(setupOf().interfaces, []);
  assert.equal("/etc/resolv.conf" in filesOf(), false);
  assert.deepEqual(setupOf({ net: true }).interfaces, [
    { name: "eth0", address: 0xc0a87f02, prefix: 24, gateway: 0xc0a87f01, mtu: 65_520, ...IPV6 },
  ]);
  assert.equal(filesOf({ net: true })["/etc/resolv.conf"], "nameserver 192.168.127.1\n");
});

Deno.test("guestSetup() gives a machine its addresses in its networks, and maps its host name to the first", () => {
  const spec = { machine: makeRecord({ hostname: "web", networks: ["app", "db"] }), ephemeral: false } as RunnerSpec;
  const addresses = [0x0a7f0009, 0x0a7f0103];
  const { interfaces, files } = guestSetup(spec, { ...BOOT, openFiles: 1024n, addresses });
  const noRoutes = { prefix: 24, gateway: 0, mtu: 65_520, address6: 0n, prefix6: 0, gateway6: 0n };
  assert.deepEqual(interfaces, [
    { name: "eth0", address: 0xc0a87f02, prefix: 24, gateway: 0xc0a87f01, mtu: 65_520, ...IPV6 },
    { name: "eth0:1", address: 0x0a7f0009, ...noRoutes },
    { name: "eth0:2", address: 0x0a7f0103, ...noRoutes },
  ]);
  const hosts = files.find(({ path }) => path === "/etc/hosts");
  assert.match(new TextDecoder().decode(hosts?.content), /^10\.127\.0\.9 web$/m);
});

Deno.test("guestSetup() gives the host a name if a rule opens it", () => {
  const line = /^192\.168\.127\.1 host\.smolvm\.internal$/m;
  assert.match(filesOf({ net: true, allowNet: ["host:5432"] })["/etc/hosts"]!, line);
  assert.doesNotMatch(filesOf({ net: true, allowNet: ["public"] })["/etc/hosts"]!, line);
});

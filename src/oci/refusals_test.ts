import assert from "node:assert/strict";
import type { OciConfig } from "./config.ts";
import { isPodHolder, refuseUnsupported } from "./refusals.ts";

const OWN = [{ type: "pid" }, { type: "ipc" }, { type: "network", path: "/run/netns/x" }];
const config = (linux: OciConfig["linux"], annotations: Record<string, string> = {}): OciConfig => ({
  process: { args: ["true"], cwd: "/" },
  root: { path: "rootfs" },
  linux,
  annotations,
});

Deno.test("refuseUnsupported() accepts a container with its own PID and IPC namespaces", () => {
  refuseUnsupported(config({ namespaces: OWN, devices: [{ path: "/dev/null", type: "c" }] }));
});

Deno.test("refuseUnsupported() names what the container's own VM cannot provide", () => {
  const cases: [string, OciConfig["linux"]][] = [
    ["the host's PID namespace", { namespaces: [{ type: "ipc" }] }],
    ["a PID namespace that is shared with other containers", { namespaces: [{ type: "pid", path: "/p" }] }],
    ["the host's IPC namespace", { namespaces: [{ type: "pid" }] }],
    ["an IPC namespace that is shared with other containers", {
      namespaces: [{ type: "pid" }, { type: "ipc", path: "/i" }],
    }],
    ['the device "/dev/fuse" in a guest', { namespaces: OWN, devices: [{ path: "/dev/fuse", type: "c" }] }],
  ];
  for (const [what, linux] of cases) {
    assert.throws(() => refuseUnsupported(config(linux)), {
      code: "usage",
      message: `Cannot create the container: smolvm does not support ${what}`,
    });
  }
});

Deno.test("refuseUnsupported() accepts a container of a kubelet's pod with the pod's IPC namespace", () => {
  const namespaces = [{ type: "pid" }, { type: "ipc", path: "/proc/7/ns/ipc" }];
  refuseUnsupported(config({ namespaces }, { "io.kubernetes.cri.sandbox-id": "x" }));
});

Deno.test("isPodHolder() recognizes the sandboxes of containerd, CRI-O and podman", () => {
  assert.ok(isPodHolder(config({}, { "io.kubernetes.cri.container-type": "sandbox" })));
  assert.ok(isPodHolder(config({}, { "io.kubernetes.cri-o.ContainerType": "sandbox" })));
  assert.ok(isPodHolder({ ...config({}), process: { args: ["/catatonit", "-P"], cwd: "/" } }));
  assert.ok(!isPodHolder(config({}, { "io.kubernetes.cri.container-type": "container" })));
});

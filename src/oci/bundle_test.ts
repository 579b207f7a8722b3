import assert from "node:assert/strict";
import { engineBundle, isHostsNetwork, mayPing, ownBundle } from "./bundle.ts";

Deno.test("isHostsNetwork() detects the host's network by a missing namespace, or by the namespace's path", () => {
  assert.ok(isHostsNetwork({}));
  assert.ok(isHostsNetwork({ namespaces: [{ type: "pid" }] }));
  assert.ok(isHostsNetwork({ namespaces: [{ type: "network", path: `/proc/${Deno.pid}/ns/net` }] }));
  assert.ok(!isHostsNetwork({ namespaces: [{ type: "network" }] }));
  assert.ok(!isHostsNetwork({ namespaces: [{ type: "network", path: "/proc/self/ns/uts" }] }));
});

Deno.test("mayPing() requires a network of the container's own, and CAP_NET_RAW", () => {
  const own = { namespaces: [{ type: "network" }] };
  const process = (...bounding: string[]) => ({ args: ["true"], cwd: "/", capabilities: { bounding } });
  assert.ok(mayPing({ process: process("CAP_CHOWN", "CAP_NET_RAW"), linux: own }));
  assert.ok(!mayPing({ process: process("CAP_CHOWN"), linux: own }));
  assert.ok(!mayPing({ process: { args: ["true"], cwd: "/" }, linux: own }));
  assert.ok(!mayPing({ process: process("CAP_NET_RAW"), linux: {} }));
});

Deno.test("engineBundle() reverses ownBundle(), and is undefined for the engine's own bundle", () => {
  assert.equal(engineBundle(ownBundle("/run/c/1", "web")), "/run/c/1");
  assert.equal(engineBundle("/run/c/1"), undefined);
});

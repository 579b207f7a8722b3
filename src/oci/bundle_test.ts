import assert from "node:assert/strict";
import { engineBundle, isHostsNetwork, ownBundle } from "./bundle.ts";

Deno.test("isHostsNetwork() knows the host's network without a namespace, and by the path of it", () => {
  assert.ok(isHostsNetwork({}));
  assert.ok(isHostsNetwork({ namespaces: [{ type: "pid" }] }));
  assert.ok(isHostsNetwork({ namespaces: [{ type: "network", path: `/proc/${Deno.pid}/ns/net` }] }));
  assert.ok(!isHostsNetwork({ namespaces: [{ type: "network" }] }));
  assert.ok(!isHostsNetwork({ namespaces: [{ type: "network", path: "/proc/self/ns/uts" }] }));
});

Deno.test("engineBundle() is the way back from ownBundle(), and knows a bundle that was passed on as it was", () => {
  assert.equal(engineBundle(ownBundle("/run/c/1", "web")), "/run/c/1");
  assert.equal(engineBundle("/run/c/1"), undefined);
});

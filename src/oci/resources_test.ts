import assert from "node:assert/strict";
import type { OciResources } from "./config.ts";
import { outerResources, vmSize } from "./resources.ts";

const MIB = 1024 ** 2;
const DEFAULTS = { cpus: 1, memoryMib: 512 };
const size = (resources: OciResources) => vmSize({ resources }, DEFAULTS);

Deno.test("vmSize() uses the container's limits, or the defaults", () => {
  assert.deepEqual(size({}), DEFAULTS);
  assert.deepEqual(size({ memory: { limit: 300 * MIB }, cpu: { quota: 150_000, period: 100_000 } }), {
    cpus: 2,
    memoryMib: 300,
  });
  assert.deepEqual(size({ memory: { limit: 9223372036854771712 }, cpu: { quota: -1 } }), DEFAULTS);
});

Deno.test("vmSize() stays within the limits of a VM", () => {
  assert.equal(size({ memory: { limit: 4 * MIB } }).memoryMib, 128);
  assert.equal(size({ memory: { limit: 3300 * MIB } }).memoryMib, 3259);
  assert.equal(size({ cpu: { quota: 99_000_000, period: 100_000 } }).cpus, 16);
});

Deno.test("outerResources() raises the limits by the VM's overhead, and allows KVM", () => {
  const resources = {
    memory: { limit: 100 * MIB, swap: 200 * MIB, reservation: 7 },
    pids: { limit: 10 },
    devices: [{ allow: false, access: "rwm" }],
    blockIO: { weight: 5 },
  };
  assert.deepEqual(outerResources({ resources }), {
    memory: { limit: 612 * MIB, swap: 712 * MIB, reservation: 7 },
    pids: { limit: 1034 },
    devices: [{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 10, minor: 232, access: "rw" }],
    blockIO: { weight: 5 },
  });
});

Deno.test("outerResources() sets no limit where the engine has none", () => {
  const { memory, pids } = outerResources({ resources: { memory: { swap: -1 }, pids: { limit: -1 } } });
  assert.deepEqual({ memory, pids }, { memory: { swap: -1 }, pids: { limit: -1 } });
});

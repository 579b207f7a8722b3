import assert from "node:assert/strict";
import { limitsOf, parentCgroup } from "./cgroup.ts";

Deno.test("parentCgroup() finds a parent only if the process is not in the cgroup of a service or a container", () => {
  const table: [text: string, parent: string | undefined][] = [
    ["0::/\n", ""],
    ["0::/user.slice/user-0.slice/session-3.scope\n", ""],
    [
      "0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n",
      "/user.slice/user-1000.slice/user@1000.service",
    ],
    ["0::/user.slice/user-1000.slice/session-3.scope\n", undefined],
    ["0::/system.slice/ci.service\n", undefined],
    ["0::/libpod_parent/libpod-1234\n", undefined],
    ["12:memory:/x\n1:name=systemd:/x\n", undefined],
    ["12:memory:/x\n0::/\n", ""],
  ];
  for (const [text, parent] of table) assert.equal(parentCgroup(text), parent, text);
});

Deno.test("limitsOf() adds the overhead of the VM's process to the guest's CPUs and memory", () => {
  assert.deepEqual(limitsOf({ cpus: 2, memoryMib: 512 }), {
    "memory.max": `${1024 * 1024 ** 2}`,
    "memory.oom.group": "1",
    "cpu.max": "300000 100000",
    "pids.max": "1024",
  });
});

import assert from "node:assert/strict";
import { parseUsage } from "./processes.ts";

Deno.test("parseUsage() reads what the guest's agent says", () => {
  const usage = parseUsage("1000 400\n1 0 S 120 5000 640 /init\n77 65534 R 0 10 1 sh -c  a b \n9 0 Z 1 2 0 [sh]\n");
  assert.deepEqual(usage, {
    memoryBytes: 1_024_000,
    memoryUsedBytes: 600 * 1024,
    processes: [
      { pid: 1, uid: 0, state: "S", cpuMs: 120, ageMs: 5000, residentBytes: 640 * 1024, command: "/init" },
      { pid: 77, uid: 65_534, state: "R", cpuMs: 0, ageMs: 10, residentBytes: 1024, command: "sh -c  a b " },
      { pid: 9, uid: 0, state: "Z", cpuMs: 1, ageMs: 2, residentBytes: 0, command: "[sh]" },
    ],
  });
});

Deno.test("parseUsage() takes nothing else for figures", () => {
  for (const text of ["", "1000", "1000 x", "-1 2", `${"9".repeat(13)} 1`]) assert.equal(parseUsage(text), undefined);
  const odd = ["1 0 S 1 1 1", "1 0 SS 1 1 1 a", "-1 0 S 1 1 1 a", `1 0 S ${"9".repeat(16)} 1 1 a`, "cut o"];
  assert.deepEqual(parseUsage(["1 2", ...odd].join("\n")), { memoryBytes: 1024, memoryUsedBytes: 0, processes: [] });
});

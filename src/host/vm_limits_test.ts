import assert from "node:assert/strict";
import { checkResources } from "./vm_limits.ts";

Deno.test("checkResources() accepts only resources that libkrun can boot", () => {
  for (const [cpus, memoryMib] of [[1, 128], [16, 3259], [1, 3329], [4, 16 * 1024 * 1024]] as const) {
    checkResources({ cpus, memoryMib });
  }
  for (const cpus of [0, 17, 256, 257, -1, 1.5, NaN]) {
    assert.throws(() => checkResources({ cpus, memoryMib: 512 }), {
      code: "usage",
      message: `Cannot give the machine ${cpus} CPUs: expected 1 to 16`,
    });
  }
  const sizes = [[0, "0 B"], [127, "127 MiB"], [128.5, "128.5 MiB"], [17 * 1024 ** 2, "17 TiB"], [
    NaN,
    "NaN B",
  ]] as const;
  for (const [memoryMib, written] of sizes) {
    assert.throws(() => checkResources({ cpus: 1, memoryMib }), {
      code: "usage",
      message: `Cannot give the machine ${written} of memory: expected 128 MiB to 16 TiB`,
    });
  }
});

Deno.test({
  name: "checkResources() refuses the sizes at which libkrun maps its firmware over the guest's memory",
  ignore: Deno.build.arch !== "x86_64",
  fn() {
    for (const memoryMib of [3260, 3300, 3328]) {
      assert.throws(() => checkResources({ cpus: 1, memoryMib }), { code: "usage", message: /3260 to 3328 MiB$/ });
    }
  },
});

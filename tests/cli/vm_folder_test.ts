// Files that a guest can leave in the VM's folder after taking over its VM process.

import { fuzzVmFolder } from "../fuzz/vm_folder.ts";

Deno.test("smolvm does not trust the folder of a VM", async () => {
  const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? Date.now() % 2 ** 32);
  console.log(`SMOLVM_TEST_SEED=${seed}`);
  await fuzzVmFolder(seed, 3);
});

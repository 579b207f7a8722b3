import assert from "node:assert/strict";
import { parseSettings } from "./settings.ts";

Deno.test("parseSettings() has defaults, which the file overrides", () => {
  assert.deepEqual(parseSettings(""), { size: { cpus: 1, memoryMib: 512 }, bootTimeoutMs: 60_000 });
  const text = "# sizes\nruntime=/usr/bin/runc\nmemory-mib=256\n\ncpus=4\nboot-timeout=9\n";
  assert.deepEqual(parseSettings(text), { size: { cpus: 4, memoryMib: 256 }, bootTimeoutMs: 9000 });
});

Deno.test("parseSettings() refuses an unknown key, and a value that is not a number", () => {
  assert.throws(() => parseSettings("cpus=1\nmemory=512M\n"), {
    code: "config",
    message: /line 2 is none of runtime, /,
  });
  assert.throws(() => parseSettings("cpus=many\n"), { code: "config", message: /Cannot use cpus="many"/ });
});

import assert from "node:assert/strict";
import { parsePs, usageOf } from "./process_usage.ts";

Deno.test("usageOf() returns the processor time and the memory of a process", () => {
  const before = usageOf(Deno.pid)!;
  const held = new Uint8Array(64 * 1024 ** 2).fill(1);
  for (const end = performance.now() + 150; performance.now() < end;);
  const after = usageOf(Deno.pid)!;
  assert.equal(held.at(-1), 1);
  assert.ok(after.cpuMs - before.cpuMs >= 50, `${before.cpuMs} to ${after.cpuMs}`);
  assert.ok(after.residentBytes - before.residentBytes >= 48 * 1024 ** 2);
});

Deno.test("usageOf() returns undefined for a missing process", () => {
  assert.equal(usageOf(2 ** 22 + 1), undefined);
});

Deno.test("parsePs() reads the output of macOS", () => {
  assert.deepEqual(parsePs(" 2048   1:02.50\n"), { cpuMs: 62_500, residentBytes: 2 * 1024 ** 2 });
  assert.deepEqual(parsePs("1 100:00:01.00"), { cpuMs: 360_001_000, residentBytes: 1024 });
  assert.equal(parsePs(""), undefined);
});

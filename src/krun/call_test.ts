import assert from "node:assert/strict";
import { call, checkResult } from "./call.ts";
import type { Krun } from "./symbols.ts";

/** A fake libkrun with only these functions. */
const krunOf = (symbols: Partial<Record<keyof Krun, unknown>>) => symbols as unknown as Krun;

Deno.test("call() passes on the arguments and returns libkrun's result", () => {
  const seen: unknown[] = [];
  const krun = krunOf({
    krun_set_vm_config: (...args: unknown[]) => {
      seen.push(...args);
      return 3;
    },
  });
  assert.equal(call(krun, "krun_set_vm_config", 1, 2, 512), 3);
  assert.deepEqual(seen, [1, 2, 512]);
});

Deno.test("call() names the function that failed and the reason", () => {
  assert.throws(() => call(krunOf({ krun_create_ctx: () => -12 }), "krun_create_ctx"), {
    code: "krun",
    message: "krun_create_ctx failed: Cannot allocate memory (ENOMEM)",
  });
});

Deno.test("call() names a function that this libkrun lacks", () => {
  assert.throws(() => call(krunOf({ krun_add_vsock: null }), "krun_add_vsock", 0, 0), {
    code: "dependency",
    message: "This libkrun has no krun_add_vsock",
    hint: "Upgrade libkrun.",
  });
});

Deno.test("checkResult() accepts results from 0 on, and reports an unknown errno by its number", () => {
  assert.equal(checkResult("krun_start_enter", 0), 0);
  assert.throws(() => checkResult("krun_start_enter", -999), { message: "krun_start_enter failed: error 999" });
});

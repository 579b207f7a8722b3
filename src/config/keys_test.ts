import assert from "node:assert/strict";
import { CONFIG_KEYS, fieldOf } from "./keys.ts";

Deno.test("CONFIG_KEYS has a valid default for each key", () => {
  for (const { name, type, fallback } of Object.values(CONFIG_KEYS)) {
    assert.ok(fallback === undefined || type.accepts(fallback), name);
  }
});

Deno.test("fieldOf() finds every key of the file", () => {
  for (const [field, { name }] of Object.entries(CONFIG_KEYS)) assert.equal(fieldOf(name), field);
});

Deno.test("fieldOf() lists the known keys, and suggests the nearest up to three letters away", () => {
  const nearest: [name: string, hint: string | undefined][] = [
    ["default_men", "Did you mean default_mem?"],
    ["default-mem", "Did you mean default_mem?"],
    ["defaultmem", "Did you mean default_mem?"],
    ["default_cpu", "Did you mean default_cpus?"],
    ["ddefault_dns", "Did you mean default_dns?"],
    ["default_ds", "Did you mean default_dns?"],
    ["dfalt_dn", "Did you mean default_dns?"],
    ["log_max_file", "Did you mean log_max_files?"],
    ["dflt_dn", undefined],
    ["constructor", undefined],
    ["", undefined],
  ];
  for (const [name, hint] of nearest) {
    const known = "default_cpus, default_mem, default_dns, insecure_no_jail, warm, warm_idle, log_max_size, " +
      "log_max_files";
    const message = `Unknown key "${name}": expected one of ${known}`;
    assert.throws(() => fieldOf(name), { code: "usage", message, hint }, name);
  }
});

import assert from "node:assert/strict";
import { sysctlWord } from "./sysctl.ts";

Deno.test("sysctlWord() encodes sysctls as file names and values", () => {
  assert.equal(sysctlWord(), "-");
  assert.equal(
    sysctlWord({ "net.ipv4.ip_local_port_range": "1024 2048", "kernel.shm_rmid_forced": "1" }),
    "net/ipv4/ip_local_port_range=1024 2048\nkernel/shm_rmid_forced=1",
  );
});

Deno.test("sysctlWord() refuses invalid names and values", () => {
  for (const [name, value] of [["net.a b", "1"], ["net.x", "1\nkernel/y=2"], ["", "1"]] as const) {
    assert.throws(() => sysctlWord({ [name]: value }), { code: "config" });
  }
});

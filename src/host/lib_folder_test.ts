import assert from "node:assert/strict";
import { libFolder } from "./lib_folder.ts";

Deno.test("libFolder() is lib/ of the checkout unless SMOLVM_LIB is set", () => {
  const before = Deno.env.get("SMOLVM_LIB");
  try {
    Deno.env.delete("SMOLVM_LIB");
    assert.equal(libFolder(), Deno.realPathSync(`${import.meta.dirname}/../..`) + "/lib");
    Deno.env.set("SMOLVM_LIB", "/opt/smolvm/lib");
    assert.equal(libFolder(), "/opt/smolvm/lib");
  } finally {
    if (before === undefined) Deno.env.delete("SMOLVM_LIB");
    else Deno.env.set("SMOLVM_LIB", before);
  }
});

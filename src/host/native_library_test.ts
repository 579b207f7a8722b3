import assert from "node:assert/strict";
import { openLibrary } from "./native_library.ts";

const LIBC = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6";

Deno.test("openLibrary() loads functions by their own names and by aliases", async () => {
  const { strnlen, length, later } = openLibrary(LIBC, {
    strnlen: { parameters: ["buffer", "usize"], result: "usize" },
    length: { name: "strnlen", parameters: ["buffer", "usize"], result: "usize" },
    later: { name: "strnlen", parameters: ["buffer", "usize"], result: "usize", nonblocking: true },
  });
  const text = new TextEncoder().encode("four\0");
  assert.deepEqual([strnlen(text, 5n), length(text, 3n), await later(text, 5n)], [4n, 3n, 4n]);
});

Deno.test("openLibrary() skips missing optional functions, and names others that are missing", () => {
  const definition = { parameters: [], result: "void" } as const;
  assert.equal(openLibrary(LIBC, { none_such: { ...definition, optional: true } }).none_such, null);
  assert.throws(() => openLibrary(LIBC, { none_such: definition }), /none_such/);
  assert.throws(() => openLibrary("/none/such.so", {}), /\/none\/such\.so/);
});

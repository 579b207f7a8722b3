import assert from "node:assert/strict";
import { decodeStop, encodeStop } from "./control.ts";
import { encodeU32s } from "./messages.ts";

Deno.test("decodeStop() reads what encodeStop() wrote", () => {
  for (const request of [{ signal: 1, timeoutMs: 0 }, { signal: 64, timeoutMs: 2 ** 32 - 1 }]) {
    assert.deepEqual(decodeStop(encodeStop(request)), request);
  }
});

Deno.test("decodeStop() refuses an invalid signal, and a request of another length", () => {
  for (const signal of [0, 65, 2 ** 32 - 1]) {
    assert.throws(() => decodeStop(encodeU32s(signal, 0)), { name: "ProtocolError", message: `signal ${signal}` });
  }
  for (const payload of [encodeU32s(15), encodeU32s(15, 0, 0)]) {
    assert.throws(() => decodeStop(payload), { name: "ProtocolError" });
  }
});

import assert from "node:assert/strict";
import { encodeRecords, HEAD_BYTES, parseHead, TIME_BYTES } from "./record.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const TIME = "2026-11-23T12:00:00.000Z";

Deno.test("parseHead() reads the output of encodeRecords()", () => {
  const record = encodeRecords(bytes("a line\n"), "stderr", new Date(TIME));
  assert.deepEqual(parseHead(record), { time: TIME, stream: "stderr", full: true });
  assert.equal(new TextDecoder().decode(record.subarray(HEAD_BYTES)), "a line\n");
  assert.equal(new TextDecoder().decode(record.subarray(0, TIME_BYTES)), `${TIME} `);
  const partial = encodeRecords(bytes("a"), "stdout", new Date(TIME));
  assert.deepEqual(parseHead(partial), { time: TIME, stream: "stdout", full: false });
});

Deno.test("parseHead() refuses invalid records", () => {
  const records = ["", "2026", `${TIME} stdout F`, `${TIME} stdxxx F a`, `${TIME} stdout X a`, `x${TIME} stdout F a`];
  for (const text of [...records, "\0".repeat(100), `2026-11-23 12:00:00.000Z stdout F a`]) {
    assert.equal(parseHead(bytes(text)), undefined, text);
  }
});

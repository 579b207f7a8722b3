import assert from "node:assert/strict";
import { LatestText, ListReader } from "./server_lists.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("ListReader assembles lists from chunks", () => {
  const reader = new ListReader();
  assert.deepEqual(reader.push(bytes("\n4 80\n6 ")), [new Set()]);
  assert.deepEqual(reader.push(bytes("443\n")), []);
  assert.deepEqual(reader.push(bytes("\n\nl 1\n\n")), [new Set(["4 80", "6 443"]), new Set(), new Set(["l 1"])]);
});

Deno.test("ListReader drops invalid ports, and a list without an end", () => {
  const reader = new ListReader();
  assert.deepEqual(reader.push(bytes("4 80\n5 80\n4 0\n4 65536\n4 99999999\nx\n\n")), [new Set(["4 80"])]);
  assert.deepEqual(reader.push(bytes("4 80\n".repeat(5000))), []);
  assert.deepEqual(reader.push(bytes("\n")), [new Set()]);
});

Deno.test("LatestText gives its reader the newest text, once", async () => {
  const latest = new LatestText();
  const reader = latest[Symbol.asyncIterator]();
  const text = async () => new TextDecoder().decode((await reader.next()).value);
  latest.put("a");
  latest.put("b");
  assert.equal(await text(), "b");
  const next = text();
  latest.put("b");
  latest.put("c");
  assert.equal(await next, "c");
});

import assert from "node:assert/strict";
import { connectionPair } from "./connection.ts";

async function readAll(conn: { read(chunk: Uint8Array): Promise<number | null> }, chunkBytes: number): Promise<string> {
  const chunk = new Uint8Array(chunkBytes);
  let text = "";
  for (let count = await conn.read(chunk); count !== null; count = await conn.read(chunk)) {
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  return text;
}

Deno.test("connectionPair() transfers bytes both ways, in pieces, to the end", async () => {
  const [near, far] = connectionPair();
  const [atFar, atNear] = [readAll(far, 3), readAll(near, 100)];
  assert.equal(await near.write(new TextEncoder().encode("hello")), 5);
  assert.equal(await near.write(new TextEncoder().encode(" there")), 6);
  assert.equal(await far.write(new TextEncoder().encode("back")), 4);
  near.close();
  assert.equal(await atFar, "hello there");
  assert.equal(await atNear, "back");
});

Deno.test("connectionPair() makes a writer wait until the other end has read everything", async () => {
  const [near, far] = connectionPair();
  let written = false;
  const write = near.write(new Uint8Array(10)).then(() => written = true);
  await far.read(new Uint8Array(4));
  await Promise.resolve();
  assert.equal(written, false);
  await far.read(new Uint8Array(6));
  await write;
});

Deno.test("connectionPair() ends both directions when one end is closed", async () => {
  const [near, far] = connectionPair();
  const reading = near.read(new Uint8Array(1));
  const writing = near.write(new Uint8Array(1));
  far.close();
  assert.equal(await reading, null);
  await writing;
  await assert.rejects(near.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
});

import assert from "node:assert/strict";
import { connectedPair } from "../../tests/helpers/frame_peer.ts";
import { pause } from "../../tests/helpers/until.ts";
import { MSG } from "./constants.ts";
import { readFrames } from "./frame_reader.ts";

Deno.test("readFrames() yields frames until the connection ends, even by a reset", async () => {
  for (const unread of [false, true]) {
    const { conn, peer } = await connectedPair();
    using _ = conn;
    if (unread) await conn.write(new Uint8Array(1));
    await peer.send(MSG.STDOUT, 1, new Uint8Array(2));
    peer[Symbol.dispose]();
    const frames = await Array.fromAsync(readFrames(conn, { maxPayload: 2 }));
    assert.deepEqual(frames, [{ type: MSG.STDOUT, stream: 1, payload: new Uint8Array(2) }]);
  }
});

Deno.test("readFrames() calls onRead before it yields the frames, and refuses a frame over the limit", async () => {
  const { conn, peer } = await connectedPair();
  using _conn = conn;
  using _peer = peer;
  let read = 0;
  const onRead = async (bytes: number) => {
    await pause(1);
    read += bytes;
  };
  const frames = readFrames(conn, { maxPayload: 2, onRead });
  await peer.send(MSG.STDOUT, 1, new Uint8Array(2));
  await frames.next();
  assert.equal(read, 14);
  await peer.send(MSG.STDOUT, 1, new Uint8Array(3));
  await assert.rejects(frames.next(), { name: "ProtocolError" });
});

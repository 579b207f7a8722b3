import assert from "node:assert/strict";
import { connectedPair } from "../../tests/helpers/frame_peer.ts";
import { pause } from "../../tests/helpers/until.ts";
import { MSG } from "./constants.ts";
import { FrameWriter } from "./frame_writer.ts";

Deno.test("FrameWriter writes frames of any size in order", async () => {
  const { conn, peer } = await connectedPair();
  using _ = peer;
  const writer = new FrameWriter(conn);
  // More than a socket buffer holds: the sender must not wait for the reader.
  const payloads = [1, 300_000, 0, 500_000, 2].map((length, index) => new Uint8Array(length).fill(index));
  payloads.forEach((payload, index) => writer.send(MSG.STDIN, index, payload));
  for (const [index, payload] of payloads.entries()) {
    assert.deepEqual(await peer.next(), { type: MSG.STDIN, stream: index, payload });
  }
  writer.close();
  assert.equal(await peer.next(), undefined);
});

Deno.test("FrameWriter.flush() settles only when everything sent before is written", async () => {
  const { conn, peer } = await connectedPair();
  using _ = peer;
  const writer = new FrameWriter(conn);
  writer.send(MSG.STDIN, 1, new Uint8Array(4_000_000));
  let flushed = false;
  const flush = writer.flush().then(() => flushed = true);
  await pause(20);
  assert.equal(flushed, false, "the peer has read nothing yet");
  assert.equal((await peer.next())?.payload.length, 4_000_000);
  await flush;
  writer.close();
});

Deno.test("FrameWriter.flush() settles at once when nothing was sent", async () => {
  const { conn, peer } = await connectedPair();
  using _ = peer;
  const writer = new FrameWriter(conn);
  await writer.flush();
  writer.close();
});

Deno.test("FrameWriter drops frames for a peer that is gone", async () => {
  const { conn, peer } = await connectedPair();
  peer[Symbol.dispose]();
  const writer = new FrameWriter(conn);
  for (let index = 0; index < 10; index++) {
    writer.send(MSG.STDIN, 1, new Uint8Array(100_000));
    await writer.flush();
  }
  writer.close();
  writer.close();
});

Deno.test("FrameWriter writes a frame that is sent just as it becomes idle", async () => {
  for (let microtasks = 0; microtasks <= 10; microtasks++) {
    const written: number[] = [];
    const write = (bytes: Uint8Array) => {
      written.push(bytes[4]!);
      return Promise.resolve(bytes.length);
    };
    const writer = new FrameWriter({ write } as Deno.Conn);
    writer.send(MSG.STDIN);
    for (let count = 0; count < microtasks; count++) await undefined;
    writer.send(MSG.SIGNAL);
    await writer.flush();
    assert.deepEqual(written, [MSG.STDIN, MSG.SIGNAL], `after ${microtasks} microtasks`);
  }
});

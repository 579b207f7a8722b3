import assert from "node:assert/strict";
import { connectedPair, type FramePeer } from "../../tests/helpers/frame_peer.ts";
import { pause } from "../../tests/helpers/until.ts";
import { AgentConnection } from "./agent_connection.ts";
import {
  ACK_EVERY,
  CONNECTION_WINDOW,
  FRAME_HEADER_BYTES,
  GUEST_FRAME_MAX,
  MSG,
  PROTOCOL_VERSION,
} from "./constants.ts";
import type { Frame } from "./frame.ts";
import { decodeU32, encodeFailure, encodeSetup, encodeU32s, type Setup } from "./messages.ts";
import { ProtocolError } from "./payload.ts";

const SETUP: Setup = {
  clockNs: 1n,
  hostname: "guest",
  overlay: true,
  ephemeral: false,
  rootfs: "/s/rootfs",
  files: [],
  mounts: [],
  rlimits: [],
  interfaces: [],
  shareFiles: 4096,
};
const HELLO = encodeU32s(PROTOCOL_VERSION);

/** Runs a test with the host side of a connection and a fake agent. */
async function withAgent(test: (host: AgentConnection, agent: FramePeer) => Promise<void>): Promise<void> {
  const { conn, peer } = await connectedPair();
  const host = new AgentConnection(conn);
  try {
    await test(host, peer);
  } finally {
    host.close();
    peer[Symbol.dispose]();
  }
}

/** Brings a connection to READY, where acknowledgements start. */
async function ready(host: AgentConnection, agent: FramePeer): Promise<AsyncGenerator<Frame, boolean>> {
  const frames = host.frames(() => SETUP);
  const first = frames.next();
  await agent.send(MSG.HELLO, 0, HELLO);
  assert.equal((await agent.next())?.type, MSG.SETUP);
  await agent.send(MSG.READY);
  assert.equal((await first).value && (await first).done, false);
  return frames;
}

/** Yields every frame of a connection until it fails or ends. */
async function drain(frames: AsyncGenerator<Frame, boolean>): Promise<boolean> {
  while (true) {
    const { done, value } = await frames.next();
    if (done) return value;
  }
}

Deno.test("AgentConnection answers HELLO with SETUP and yields READY and the following frames until BYE", () =>
  withAgent(async (host, agent) => {
    const frames = host.frames(() => SETUP);
    const first = frames.next();
    await agent.send(MSG.HELLO, 0, HELLO);
    assert.deepEqual(await agent.next(), { type: MSG.SETUP, stream: 0, payload: encodeSetup(SETUP) });
    await agent.send(MSG.READY);
    assert.deepEqual((await first).value, { type: MSG.READY, stream: 0, payload: new Uint8Array() });
    await agent.send(MSG.STDOUT, 1, new Uint8Array([1]));
    assert.deepEqual((await frames.next()).value, { type: MSG.STDOUT, stream: 1, payload: new Uint8Array([1]) });
    await agent.send(MSG.BYE);
    assert.deepEqual(await frames.next(), { done: true, value: true });
  }));

Deno.test("AgentConnection makes the setup when HELLO comes, because it contains the clock", () =>
  withAgent(async (host, agent) => {
    let made = 0;
    const frames = host.frames(() => {
      made++;
      return SETUP;
    });
    const first = frames.next();
    assert.equal(made, 0);
    await agent.send(MSG.HELLO, 0, HELLO);
    await agent.next();
    assert.equal(made, 1);
    await agent.send(MSG.READY);
    await first;
  }));

Deno.test("AgentConnection reports an end without BYE", () =>
  withAgent(async (host, agent) => {
    const frames = await ready(host, agent);
    agent[Symbol.dispose]();
    assert.deepEqual(await frames.next(), { done: true, value: false });
  }));

Deno.test("AgentConnection refuses an agent of another version and sends it no setup", () =>
  withAgent(async (host, agent) => {
    const frames = host.frames(() => assert.fail("a setup for an agent of another version"));
    const first = frames.next();
    await agent.send(MSG.HELLO, 0, encodeU32s(PROTOCOL_VERSION + 1));
    await assert.rejects(first, { name: "ProtocolError", message: "agent speaks version 2, expected 1" });
  }));

Deno.test("AgentConnection reports why the guest could not be set up", () =>
  withAgent(async (host, agent) => {
    const failure = { errno: 28, stage: 0, text: "mount /s/v0" };
    const first = host.frames(() => SETUP).next();
    await agent.send(MSG.HELLO, 0, HELLO);
    await agent.send(MSG.FAILED, 0, encodeFailure(failure));
    await assert.rejects(first, { name: "SetupFailedError", message: "mount /s/v0", failure });
  }));

Deno.test("AgentConnection refuses other frames before HELLO or instead of READY", async () => {
  const early: [type: number, stream: number][] = [[MSG.READY, 0], [MSG.STDOUT, 1], [MSG.BYE, 0], [MSG.HELLO, 1]];
  for (const [type, stream] of early) {
    await withAgent(async (host, agent) => {
      const first = host.frames(() => SETUP).next();
      await agent.send(type, stream, HELLO);
      await assert.rejects(first, ProtocolError, `message ${type} of stream ${stream} first`);
    });
  }
  const second: [type: number, stream: number][] = [[MSG.HELLO, 0], [MSG.STDOUT, 1], [MSG.BYE, 0], [MSG.FAILED, 1]];
  for (const [type, stream] of second) {
    await withAgent(async (host, agent) => {
      const first = host.frames(() => SETUP).next();
      await agent.send(MSG.HELLO, 0, HELLO);
      await agent.send(type, stream, HELLO);
      await assert.rejects(first, ProtocolError, `message ${type} of stream ${stream} instead of READY`);
    });
  }
});

Deno.test("AgentConnection refuses host messages, unknown messages and messages without a command", async () => {
  for (
    const [type, stream] of [[MSG.READY, 0], [MSG.HELLO, 1], [MSG.STDOUT, 0], [MSG.EXEC, 1], [41, 1], [0, 1]] as const
  ) {
    await withAgent(async (host, agent) => {
      const frames = await ready(host, agent);
      await agent.send(type, stream);
      await assert.rejects(drain(frames), {
        name: "ProtocolError",
        message: `message ${type} of stream ${stream} is out of order`,
      });
    });
  }
});

Deno.test("AgentConnection refuses an invalid HELLO and a frame over the guest's limit", async () => {
  await withAgent(async (host, agent) => {
    const first = host.frames(() => SETUP).next();
    await agent.send(MSG.HELLO, 0, new Uint8Array(3));
    await assert.rejects(first, ProtocolError);
  });
  await withAgent(async (host, agent) => {
    const frames = await ready(host, agent);
    await agent.send(MSG.STDOUT, 1, new Uint8Array(GUEST_FRAME_MAX - FRAME_HEADER_BYTES + 1));
    await assert.rejects(drain(frames), { name: "ProtocolError", message: /^frame of 16373 bytes/ });
  });
});

Deno.test("AgentConnection acknowledges every byte, often enough for the guest's window", () =>
  withAgent(async (host, agent) => {
    const frames = await ready(host, agent);
    const draining = drain(frames);
    const payload = new Uint8Array(1000);
    // HELLO and READY count.
    let unacknowledged = FRAME_HEADER_BYTES + HELLO.length + FRAME_HEADER_BYTES;
    let sent = unacknowledged;
    while (sent < 4 * CONNECTION_WINDOW) {
      while (unacknowledged < ACK_EVERY) {
        await agent.send(MSG.STDOUT, 1, payload);
        sent += FRAME_HEADER_BYTES + payload.length;
        unacknowledged += FRAME_HEADER_BYTES + payload.length;
      }
      const ack = await agent.next();
      assert.equal(ack?.type, MSG.ACK);
      assert.equal(ack.stream, 0);
      unacknowledged -= decodeU32(ack.payload);
      assert.ok(unacknowledged >= 0, "more was acknowledged than was sent");
    }
    await agent.send(MSG.BYE);
    assert.equal(await draining, true);
  }));

Deno.test("AgentConnection acknowledges frames before they are consumed", () =>
  withAgent(async (host, agent) => {
    const frames = await ready(host, agent);
    for (let index = 0; index < 3; index++) await agent.send(MSG.STDOUT, 1, new Uint8Array(16_000));
    await frames.next();
    assert.equal((await agent.next())?.type, MSG.ACK);
  }));

Deno.test("AgentConnection stops reading from a guest that does not read, until it does", () =>
  withAgent(async (host, agent) => {
    const draining = drain(await ready(host, agent));
    // Far more than a socket buffer holds, like the answers to a hostile guest.
    for (let count = 0; count < 200; count++) host.send(MSG.STDIN, 1, new Uint8Array(10_000));
    for (let count = 0; count < 2000; count++) host.send(MSG.CREDIT, 1);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 1000; sent++) await agent.send(MSG.STDOUT, 1, new Uint8Array(16_000));
    })();
    for (let before = -1; before < sent;) {
      before = sent;
      await pause(100);
    }
    assert.ok(sent < 1000, "all of it is read");
    for (let count = 0; count < 2200; count++) await agent.next();
    await sending;
    await agent.send(MSG.BYE);
    assert.equal(await draining, true);
  }));

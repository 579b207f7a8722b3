import assert from "node:assert/strict";
import { connectedPair, type FramePeer } from "../../tests/helpers/frame_peer.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import { CONTROL, MAIN_STREAM } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { encodeExited, encodeU32s } from "../protocol/messages.ts";
import { CommandRelay } from "./command_relay.ts";

/** A relay between a fake agent and a fake client, which is not attached yet. */
interface Setup {
  relay: CommandRelay;
  agent: FramePeer;
  client: FramePeer;
  writer: FrameWriter;
}

async function withRelay(test: (setup: Setup) => Promise<void> | void): Promise<void> {
  const [agentPair, clientPair] = await Promise.all([connectedPair(), connectedPair()]);
  using agent = agentPair.peer;
  using client = clientPair.peer;
  const connection = new AgentConnection(agentPair.conn);
  const writer = new FrameWriter(clientPair.conn);
  try {
    await test({ relay: new CommandRelay(connection, MAIN_STREAM, { awaitsClient: true }), agent, client, writer });
  } finally {
    connection.close();
    writer.close();
  }
}

const frame = (type: number, payload: Uint8Array<ArrayBuffer> = new Uint8Array()): Frame => ({
  type,
  stream: MAIN_STREAM,
  payload,
});
const output = (length: number, type: number = MSG.STDOUT) => frame(type, new Uint8Array(length));
const credit = (channel: number, bytes: number) => frame(MSG.CREDIT, encodeU32s(channel, bytes));

Deno.test("CommandRelay hands over what came before its client, and then passes on", () =>
  withRelay(async ({ relay, client, writer }) => {
    const frames = [frame(MSG.STARTED, encodeU32s(7)), output(3), output(2, MSG.STDERR), output(0)];
    for (const early of frames.slice(0, 2)) relay.fromAgent(early);
    assert.equal(relay.attach(writer), true);
    for (const late of frames.slice(2)) relay.fromAgent(late);
    for (const expected of frames) assert.deepEqual(await client.next(), expected);
  }));

Deno.test("CommandRelay takes one client only", () =>
  withRelay(async ({ relay, writer, client }) => {
    assert.equal(relay.attach(writer), true);
    assert.equal(relay.attach(writer), false);
    relay.fromAgent(output(1));
    assert.deepEqual(await client.next(), output(1));
  }));

Deno.test("CommandRelay has finished when the command's last frame has reached the client", async () => {
  for (const last of [frame(MSG.EXITED, encodeExited({ code: 0 })), frame(MSG.FAILED)]) {
    await withRelay(async ({ relay, client, writer }) => {
      let finished = false;
      relay.finished.then(() => finished = true);
      relay.fromAgent(last);
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(finished, false, "there is no client yet");
      relay.attach(writer);
      await relay.finished;
      assert.deepEqual(await client.next(), last);
    });
  }
});

Deno.test("CommandRelay ends a guest that sends more than a window without credit", async () => {
  for (const type of [MSG.STDOUT, MSG.STDERR]) {
    await withRelay(({ relay, writer }) => {
      relay.fromAgent(output(STREAM_WINDOW, type));
      assert.throws(() => relay.fromAgent(output(1, type)), {
        name: "ProtocolError",
        message: `${STREAM_WINDOW + 1} bytes of a stream without credit`,
      });
      relay.attach(writer);
      assert.throws(() => relay.fromAgent(output(1, type)), "a client gives no credit by coming");
    });
  }
});

Deno.test("CommandRelay counts the streams apart, and lets a guest go on by the credit of its client", () =>
  withRelay(async ({ relay, agent, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(STREAM_WINDOW));
    relay.fromAgent(output(STREAM_WINDOW, MSG.STDERR));
    relay.fromClient(credit(CHANNEL.STDOUT, 100));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 100));
    relay.fromAgent(output(100));
    assert.throws(() => relay.fromAgent(output(1)));
    assert.throws(() => relay.fromAgent(output(1, MSG.STDERR)));
  }));

Deno.test("CommandRelay passes a client's messages to the agent as those of its command", () =>
  withRelay(async ({ relay, agent }) => {
    for (const type of [MSG.STDIN, MSG.RESIZE, MSG.SIGNAL]) {
      const sent = { type, stream: 99, payload: new Uint8Array([type, 2]) };
      relay.fromClient(sent);
      assert.deepEqual(await agent.next(), { ...sent, stream: MAIN_STREAM });
    }
  }));

Deno.test("CommandRelay refuses what is not for a client to say", () =>
  withRelay(async ({ relay, agent }) => {
    for (const type of [MSG.SETUP, MSG.EXEC, MSG.ACK, MSG.SHUTDOWN, MSG.STDOUT, MSG.BYE, CONTROL.ATTACH, 0]) {
      assert.throws(() => relay.fromClient(frame(type)), {
        name: "ProtocolError",
        message: `message ${type} of a client`,
      });
    }
    relay.fromClient(frame(MSG.SIGNAL));
    assert.equal((await agent.next())?.type, MSG.SIGNAL, "none of them reached the agent");
  }));

Deno.test("CommandRelay refuses credit for what was never sent, which would undo the window", () =>
  withRelay(async ({ relay, agent, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(10));
    for (const [channel, bytes] of [[CHANNEL.STDOUT, 11], [CHANNEL.STDERR, 1], [3, 1], [0, 1]] as const) {
      assert.throws(() => relay.fromClient(credit(channel, bytes)), { name: "ProtocolError" }, `${channel}, ${bytes}`);
    }
    assert.throws(() => relay.fromClient(frame(MSG.CREDIT)), { name: "ProtocolError" });
    relay.fromClient(credit(CHANNEL.STDOUT, 10));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 10), "none of them reached the agent");
  }));

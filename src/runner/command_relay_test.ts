import assert from "node:assert/strict";
import { connectedPair, type FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { pause } from "../../tests/helpers/until.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import { CONTROL, MAIN_STREAM } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { encodeExited, encodeU32s } from "../protocol/messages.ts";
import { CommandLog } from "./command_log.ts";
import { CommandRelay, type RelayOptions } from "./command_relay.ts";

/** A relay between a fake agent and a fake client. By default, the relay waits for the client. */
interface Setup {
  relay: CommandRelay;
  agent: FramePeer;
  client: FramePeer;
  writer: FrameWriter;
}

async function withRelay(
  test: (setup: Setup) => Promise<void> | void,
  options: RelayOptions = { awaitsClient: true },
): Promise<void> {
  const [agentPair, clientPair] = await Promise.all([connectedPair(), connectedPair()]);
  using agent = agentPair.peer;
  using client = clientPair.peer;
  const connection = new AgentConnection(agentPair.conn);
  const writer = new FrameWriter(clientPair.conn);
  try {
    await test({ relay: new CommandRelay(connection, MAIN_STREAM, options), agent, client, writer });
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
const STARTED = frame(MSG.STARTED, encodeU32s(7));
const EXITED = frame(MSG.EXITED, encodeExited({ code: 0 }));

Deno.test("CommandRelay sends its client the frames from before it attached, and then all others", () =>
  withRelay(async ({ relay, client, writer }) => {
    const frames = [frame(MSG.STARTED, encodeU32s(7)), output(3), output(2, MSG.STDERR), output(0)];
    for (const early of frames.slice(0, 2)) relay.fromAgent(early);
    assert.equal(relay.attach(writer), true);
    for (const late of frames.slice(2)) relay.fromAgent(late);
    for (const expected of frames) assert.deepEqual(await client.next(), expected);
  }));

/** Another client's writer, and the peer that receives what it sends. */
async function another(): Promise<{ client: FramePeer; writer: FrameWriter } & Disposable> {
  const { conn, peer: client } = await connectedPair();
  const writer = new FrameWriter(conn);
  const dispose = () => {
    writer.close();
    client[Symbol.dispose]();
  };
  return { client, writer, [Symbol.dispose]: dispose };
}

Deno.test("CommandRelay sends a late client STARTED and all later frames", () =>
  withRelay(async ({ relay, client, writer }) => {
    using late = await another();
    relay.attach(writer);
    const early = [STARTED, output(1)];
    for (const frame of early) relay.fromAgent(frame);
    assert.equal(relay.attach(late.writer), true);
    const rest = [output(2, MSG.STDERR), EXITED];
    for (const frame of rest) relay.fromAgent(frame);
    for (const expected of [...early, ...rest]) assert.deepEqual(await client.next(), expected);
    for (const expected of [STARTED, ...rest]) assert.deepEqual(await late.client.next(), expected);
    assert.equal(relay.attach(late.writer), false, "the command has ended");
  }));

Deno.test("CommandRelay gives the guest credit for what all clients have consumed, also when a slow one leaves", () =>
  withRelay(async ({ relay, agent, writer }) => {
    using late = await another();
    relay.attach(writer);
    relay.fromAgent(output(10));
    relay.attach(late.writer);
    relay.fromAgent(output(20));
    relay.fromClient(writer, credit(CHANNEL.STDOUT, 30));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 10), "the late one never saw these");
    assert.throws(() => relay.fromClient(late.writer, credit(CHANNEL.STDOUT, 21)), { name: "ProtocolError" });
    relay.fromClient(late.writer, credit(CHANNEL.STDOUT, 5));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 5));
    relay.detach(late.writer);
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 15));
  }));

Deno.test("CommandRelay.watch() sends only the command's last frame, also when the command has ended already", () =>
  withRelay(async ({ relay, agent, client, writer }) => {
    using late = await another();
    relay.watch(writer);
    for (const frame of [STARTED, output(STREAM_WINDOW), EXITED]) relay.fromAgent(frame);
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, STREAM_WINDOW), "nobody is kept waiting for");
    assert.deepEqual(await client.next(), EXITED);
    relay.watch(late.writer);
    assert.deepEqual(await late.client.next(), EXITED);
  }, { awaitsClient: false }));

Deno.test("CommandRelay.finished settles when the command's last frame has reached the client", async () => {
  for (const last of [frame(MSG.EXITED, encodeExited({ code: 0 })), frame(MSG.FAILED)]) {
    await withRelay(async ({ relay, client, writer }) => {
      let finished = false;
      relay.finished.then(() => finished = true);
      relay.fromAgent(last);
      await pause(10);
      assert.equal(finished, false, "there is no client yet");
      relay.attach(writer);
      await relay.finished;
      assert.deepEqual(await client.next(), last);
    });
  }
});

Deno.test("CommandRelay refuses more than a window of output without credit", async () => {
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

Deno.test("CommandRelay refuses a second STARTED, and data after the end of a stream", async () => {
  await withRelay(({ relay }) => {
    relay.fromAgent(STARTED);
    assert.throws(() => relay.fromAgent(STARTED), { name: "ProtocolError", message: "a command started twice" });
  });
  for (const length of [0, 1]) {
    await withRelay(({ relay }) => {
      relay.fromAgent(output(0));
      relay.fromAgent(output(1, MSG.STDERR));
      assert.throws(() => relay.fromAgent(output(length)), {
        name: "ProtocolError",
        message: "data after the end of stdout",
      });
    });
  }
});

Deno.test("CommandRelay counts each stream separately, and lets the guest continue after its client's credit", () =>
  withRelay(async ({ relay, agent, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(STREAM_WINDOW));
    relay.fromAgent(output(STREAM_WINDOW, MSG.STDERR));
    relay.fromClient(writer, credit(CHANNEL.STDOUT, 100));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 100));
    relay.fromAgent(output(100));
    assert.throws(() => relay.fromAgent(output(1)));
    assert.throws(() => relay.fromAgent(output(1, MSG.STDERR)));
  }));

Deno.test("CommandRelay passes a client's messages to the agent on the command's stream", () =>
  withRelay(async ({ relay, agent, writer }) => {
    const messages = [
      frame(MSG.STDIN, new Uint8Array([1, 2])),
      frame(MSG.RESIZE, encodeU32s(24, 80)),
      frame(MSG.SIGNAL, encodeU32s(15)),
    ];
    for (const message of messages) {
      relay.fromClient(writer, { ...message, stream: 99 });
      assert.deepEqual(await agent.next(), message);
    }
  }));

Deno.test("CommandRelay ends the command's input when the awaited client's input ends, not when another's does", () =>
  withRelay(async ({ relay, agent, writer }) => {
    using late = await another();
    relay.attach(writer);
    relay.attach(late.writer);
    const input = frame(MSG.STDIN, new Uint8Array([1]));
    for (const message of [input, frame(MSG.STDIN)]) relay.fromClient(late.writer, message);
    for (const message of [input, frame(MSG.STDIN)]) relay.fromClient(writer, message);
    for (const expected of [input, input, frame(MSG.STDIN)]) assert.deepEqual(await agent.next(), expected);
  }));

Deno.test("CommandRelay refuses messages that a client may not send", () =>
  withRelay(async ({ relay, agent, writer }) => {
    for (const type of [MSG.SETUP, MSG.EXEC, MSG.ACK, MSG.SHUTDOWN, MSG.STDOUT, MSG.BYE, CONTROL.ATTACH, 0]) {
      assert.throws(() => relay.fromClient(writer, frame(type)), {
        name: "ProtocolError",
        message: `message ${type} of a client`,
      });
    }
    // The agent would close the connection, which would end the machine.
    const malformed = [frame(MSG.SIGNAL), frame(MSG.SIGNAL, encodeU32s(65)), frame(MSG.RESIZE, encodeU32s(1, 65_536))];
    for (const message of malformed) {
      assert.throws(() => relay.fromClient(writer, message), { name: "ProtocolError" });
    }
    relay.signal(2);
    assert.deepEqual(await agent.next(), frame(MSG.SIGNAL, encodeU32s(2)), "none of them reached the agent");
  }));

Deno.test("CommandRelay refuses credit for bytes that were never sent, which would undo the window", () =>
  withRelay(async ({ relay, agent, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(10));
    for (const [channel, bytes] of [[CHANNEL.STDOUT, 11], [CHANNEL.STDERR, 1], [3, 1], [0, 1]] as const) {
      assert.throws(
        () => relay.fromClient(writer, credit(channel, bytes)),
        { name: "ProtocolError" },
        `${channel}, ${bytes}`,
      );
    }
    assert.throws(() => relay.fromClient(writer, frame(MSG.CREDIT)), { name: "ProtocolError" });
    relay.fromClient(writer, credit(CHANNEL.STDOUT, 10));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 10), "none of them reached the agent");
  }));

Deno.test("CommandRelay does not delay a command when no client is awaited", () =>
  withRelay(async ({ relay, agent, writer }) => {
    relay.fromAgent(STARTED);
    for (const type of [MSG.STDOUT, MSG.STDERR, MSG.STDOUT]) {
      relay.fromAgent(output(STREAM_WINDOW, type));
      const channel = type === MSG.STDOUT ? CHANNEL.STDOUT : CHANNEL.STDERR;
      assert.deepEqual(await agent.next(), credit(channel, STREAM_WINDOW));
    }
    assert.throws(() => relay.fromAgent(output(STREAM_WINDOW + 1)), { name: "ProtocolError" });
    relay.fromAgent(EXITED);
    await relay.finished;
    assert.equal(relay.attach(writer), false, "the command has ended");
  }, { awaitsClient: false }));

Deno.test("CommandRelay.detach() lets the command continue without its client", () =>
  withRelay(async ({ relay, agent, client, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(100));
    relay.fromAgent(output(30, MSG.STDERR));
    relay.fromClient(writer, credit(CHANNEL.STDOUT, 60));
    relay.detach(writer);
    const rest = [credit(CHANNEL.STDOUT, 60), credit(CHANNEL.STDOUT, 40), credit(CHANNEL.STDERR, 30)];
    for (const expected of rest) assert.deepEqual(await agent.next(), expected);
    relay.fromAgent(output(STREAM_WINDOW));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, STREAM_WINDOW));
    relay.fromAgent(EXITED);
    await relay.finished;
    writer.close();
    for (const expected of [output(100), output(30, MSG.STDERR)]) assert.deepEqual(await client.next(), expected);
    assert.equal(await client.next(), undefined, "it was told no more");
  }));

Deno.test("CommandRelay.detach() ignores a client that is not attached", async () => {
  const { conn, peer } = await connectedPair();
  using _ = peer;
  const stranger = new FrameWriter(conn);
  await withRelay(async ({ relay, client, writer }) => {
    relay.detach(stranger);
    assert.equal(relay.attach(writer), true);
    relay.detach(stranger);
    relay.fromAgent(output(1));
    assert.deepEqual(await client.next(), output(1));
  });
  stranger.close();
});

Deno.test("CommandRelay.release() lets the command continue without the awaited client", () =>
  withRelay(async ({ relay, agent }) => {
    relay.fromAgent(STARTED);
    relay.fromAgent(output(STREAM_WINDOW));
    relay.release();
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, STREAM_WINDOW));
    relay.fromAgent(output(1));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 1));
    relay.fromAgent(EXITED);
    await relay.finished;
  }));

Deno.test("CommandRelay.finished settles after release() when the command has ended", () =>
  withRelay(async ({ relay }) => {
    for (const early of [STARTED, output(1), EXITED]) relay.fromAgent(early);
    relay.release();
    await relay.finished;
  }));

Deno.test("CommandRelay.release() does not affect an attached client", () =>
  withRelay(async ({ relay, agent, client, writer }) => {
    relay.attach(writer);
    relay.fromAgent(output(1));
    relay.release();
    relay.fromAgent(output(2));
    for (const expected of [output(1), output(2)]) assert.deepEqual(await client.next(), expected);
    relay.fromClient(writer, credit(CHANNEL.STDOUT, 3));
    assert.deepEqual(await agent.next(), credit(CHANNEL.STDOUT, 3), "the client's own credit is the first");
  }));

Deno.test("CommandRelay logs all output, with a client, without one and before one attaches", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/command.log`;
  using log = new CommandLog(path, { maxBytes: 2 ** 20, maxFiles: 3 });
  const line = (text: string, type: number = MSG.STDOUT) => frame(type, new TextEncoder().encode(`${text}\n`));
  await withRelay(({ relay, writer }) => {
    relay.fromAgent(STARTED);
    relay.fromAgent(line("held"));
    relay.attach(writer);
    relay.fromAgent(line("attached", MSG.STDERR));
    relay.detach(writer);
    relay.fromAgent(line("alone"));
    relay.fromAgent(EXITED);
  }, { awaitsClient: true, log });
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
  const texts = lines.map((line) => line.slice(line.indexOf(" ") + 1));
  assert.deepEqual(texts, ["stdout F held", "stderr F attached", "stdout F alone"]);
});

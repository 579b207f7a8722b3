import assert from "node:assert/strict";
import { connectedPair, FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { HOST_PAYLOAD_MAX, MSG } from "../protocol/constants.ts";
import { CONTROL, encodeStop, MAIN_STREAM, type StopRequest } from "../protocol/control.ts";
import { encodeU32s } from "../protocol/messages.ts";
import { CommandRelay } from "./command_relay.ts";
import { ControlServer, type Service } from "./control_server.ts";

interface Setup {
  path: string;
  server: ControlServer;
  relay: CommandRelay;
  service: Service;
  /** What clients asked for. */
  stops: StopRequest[];
  agent: FramePeer;
}

/** Runs a test with a server that listens; it serves once the test says so. */
async function withServer(test: (setup: Setup) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/control.sock`;
  const pair = await connectedPair();
  using agent = pair.peer;
  const connection = new AgentConnection(pair.conn);
  try {
    using server = new ControlServer(path);
    const relay = new CommandRelay(connection, MAIN_STREAM, { awaitsClient: true });
    const stops: StopRequest[] = [];
    const service = { relay, stop: (request: StopRequest) => Promise.resolve(void stops.push(request)) };
    await test({ path, server, relay, service, stops, agent });
  } finally {
    connection.close();
    // The server's loops see the end of their connections.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

Deno.test("ControlServer connects an attached client with the command, both ways", () =>
  withServer(async ({ path, server, relay, service, agent }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, MAIN_STREAM);
    await client.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(15));
    assert.deepEqual(await agent.next(), { type: MSG.SIGNAL, stream: MAIN_STREAM, payload: encodeU32s(15) });
    const started = { type: MSG.STARTED, stream: MAIN_STREAM, payload: encodeU32s(1) };
    relay.fromAgent(started);
    assert.deepEqual(await client.next(), started);
  }));

Deno.test("ControlServer lets those wait who dial before it serves", () =>
  withServer(async ({ path, server, relay, service }) => {
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, MAIN_STREAM);
    const started = { type: MSG.STARTED, stream: MAIN_STREAM, payload: encodeU32s(1) };
    relay.fromAgent(started);
    server.serve(service);
    assert.deepEqual(await client.next(), started);
  }));

Deno.test("ControlServer hands a request to stop over, and holds its connection until the machine ends", () =>
  withServer(async ({ path, server, service, stops }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.STOP, 0, encodeStop({ signal: 15, timeoutMs: 10_000 }));
    const ended = client.next().then(() => "ended");
    while (stops.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(stops, [{ signal: 15, timeoutMs: 10_000 }]);
    const pause = new Promise((resolve) => setTimeout(resolve, 20));
    assert.notEqual(await Promise.race([ended, pause]), "ended");
  }));

Deno.test("ControlServer turns a second client away and keeps the first", () =>
  withServer(async ({ path, server, service, agent }) => {
    server.serve(service);
    using first = await FramePeer.dial(path);
    await first.send(CONTROL.ATTACH, MAIN_STREAM);
    await first.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(1));
    await agent.next();
    using second = await FramePeer.dial(path);
    await second.send(CONTROL.ATTACH, MAIN_STREAM);
    assert.equal(await second.next(), undefined);
    await first.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(2));
    assert.deepEqual((await agent.next())?.payload, encodeU32s(2));
  }));

Deno.test("ControlServer ends the connection of a client that breaks the protocol", async () => {
  const forged = new Uint8Array(12);
  new DataView(forged.buffer).setUint32(0, HOST_PAYLOAD_MAX + 1, true);
  const hostile: [what: string, act: (client: FramePeer) => Promise<void>][] = [
    ["a message before ATTACH", (client) => client.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(9))],
    ["a message of the host", async (client) => {
      await client.send(CONTROL.ATTACH, MAIN_STREAM);
      await client.send(MSG.SHUTDOWN, MAIN_STREAM);
    }],
    ["the stream of another command", async (client) => {
      await client.send(CONTROL.ATTACH, MAIN_STREAM);
      await client.send(MSG.SIGNAL, MAIN_STREAM + 1, encodeU32s(9));
    }],
    ["a stop by no signal", (client) => client.send(CONTROL.STOP, 0, encodeU32s(65, 0))],
    ["a forged length", (client) => client.write(forged)],
  ];
  for (const [what, act] of hostile) {
    await withServer(async ({ path, server, relay, service, agent }) => {
      server.serve(service);
      using client = await FramePeer.dial(path);
      await act(client);
      assert.equal(await client.next(), undefined, what);
      relay.fromClient({ type: MSG.SIGNAL, stream: MAIN_STREAM, payload: encodeU32s(2) });
      assert.deepEqual((await agent.next())?.payload, encodeU32s(2), `${what} reached the agent`);
    });
  }
});

Deno.test("ControlServer ends every connection with itself", async () => {
  let client: FramePeer | undefined;
  await withServer(async ({ path, server, service, agent }) => {
    server.serve(service);
    client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, MAIN_STREAM);
    await client.send(MSG.SIGNAL, MAIN_STREAM, encodeU32s(1));
    await agent.next();
  });
  assert.ok(client);
  assert.equal(await client.next(), undefined);
  client[Symbol.dispose]();
});

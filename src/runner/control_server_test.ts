import assert from "node:assert/strict";
import { connectedPair, FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, HOST_PAYLOAD_MAX, MSG } from "../protocol/constants.ts";
import { CLIENT_STREAM, CONTROL, encodeStop, MAIN_STREAM, type StopRequest } from "../protocol/control.ts";
import { encodeFrame } from "../protocol/frame.ts";
import { encodeExec, encodeU32s, type Exec } from "../protocol/messages.ts";
import { CommandRelay } from "./command_relay.ts";
import { ControlServer, type Service } from "./control_server.ts";
import { pause, until } from "../../tests/helpers/until.ts";

const EXEC: Exec = {
  argv: ["true"],
  env: [],
  cwd: "/",
  makeCwd: false,
  pid1: false,
  user: "",
  tty: undefined,
  stdin: true,
};
const OTHER_STREAM = 7;

interface Setup {
  path: string;
  server: ControlServer;
  relay: CommandRelay;
  /** The relay of a command that a client runs. */
  other: Promise<CommandRelay>;
  service: Service;
  /** The requests of clients. */
  stops: StopRequest[];
  agent: FramePeer;
}

/** Runs a test with a server that listens; the test makes it serve. */
async function withServer(test: (setup: Setup) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/control.sock`;
  const pair = await connectedPair();
  using agent = pair.peer;
  const connection = new AgentConnection(pair.conn);
  try {
    using server = new ControlServer(path);
    const relay = new CommandRelay(connection, MAIN_STREAM, { awaitsClient: true });
    const other = Promise.withResolvers<CommandRelay>();
    const stops: StopRequest[] = [];
    const service: Service = {
      relay,
      stop: (request) => Promise.resolve(void stops.push(request)),
      exec: (exec) => {
        connection.send(MSG.EXEC, OTHER_STREAM, encodeExec(exec));
        other.resolve(new CommandRelay(connection, OTHER_STREAM, { awaitsClient: true }));
        return other.promise;
      },
    };
    await test({ path, server, relay, other: other.promise, service, stops, agent });
  } finally {
    connection.close();
    // Let the server's loops see that their connections have closed.
    await pause(0);
  }
}

Deno.test("ControlServer connects an attached client to the command in both directions", () =>
  withServer(async ({ path, server, relay, service, agent }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, CLIENT_STREAM);
    await client.send(MSG.SIGNAL, CLIENT_STREAM, encodeU32s(15));
    assert.deepEqual(await agent.next(), { type: MSG.SIGNAL, stream: CLIENT_STREAM, payload: encodeU32s(15) });
    const started = { type: MSG.STARTED, stream: CLIENT_STREAM, payload: encodeU32s(1) };
    relay.fromAgent(started);
    assert.deepEqual(await client.next(), started);
  }));

Deno.test("ControlServer makes clients wait that connect before it serves", () =>
  withServer(async ({ path, server, relay, service }) => {
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, CLIENT_STREAM);
    const started = { type: MSG.STARTED, stream: CLIENT_STREAM, payload: encodeU32s(1) };
    relay.fromAgent(started);
    server.serve(service);
    assert.deepEqual(await client.next(), started);
  }));

Deno.test("ControlServer handles earlier requests at once when it starts to serve", () =>
  withServer(async ({ path, server, service, stops }) => {
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.STOP, 0, encodeStop({ signal: 15, timeoutMs: 0 }));
    await pause(50);
    server.serve(service);
    // Before this process can read anything else: a guest that has booted meanwhile must not start its command.
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    assert.deepEqual(stops, [{ signal: 15, timeoutMs: 0 }]);
  }));

Deno.test("ControlServer passes on a request to stop, and keeps its connection open until the machine ends", () =>
  withServer(async ({ path, server, service, stops }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.STOP, 0, encodeStop({ signal: 15, timeoutMs: 10_000 }));
    const ended = client.next().then(() => "ended");
    await until(() => stops.length > 0, { everyMs: 1 });
    assert.deepEqual(stops, [{ signal: 15, timeoutMs: 10_000 }]);
    assert.notEqual(await Promise.race([ended, pause(20)]), "ended");
  }));

const EXITED = { type: MSG.EXITED, stream: CLIENT_STREAM, payload: encodeU32s(0, 3) };

Deno.test("ControlServer refuses a client that attaches to a command that has ended", () =>
  withServer(async ({ path, server, relay, service }) => {
    server.serve(service);
    relay.release();
    relay.fromAgent(EXITED);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, CLIENT_STREAM);
    assert.equal(await client.next(), undefined);
  }));

Deno.test("ControlServer runs a client's command, connects the two, and kills it when the client is gone", () =>
  withServer(async ({ path, server, service, agent, other }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.EXEC, CLIENT_STREAM, encodeExec(EXEC));
    assert.deepEqual(await agent.next(), { type: MSG.EXEC, stream: OTHER_STREAM, payload: encodeExec(EXEC) });
    const output = { type: MSG.STDOUT, payload: new Uint8Array([1]) };
    (await other).fromAgent({ ...output, stream: OTHER_STREAM });
    assert.deepEqual(await client.next(), { ...output, stream: CLIENT_STREAM });
    await client.send(MSG.STDIN, CLIENT_STREAM, new Uint8Array([2]));
    assert.deepEqual(await agent.next(), { type: MSG.STDIN, stream: OTHER_STREAM, payload: new Uint8Array([2]) });
    client[Symbol.dispose]();
    assert.deepEqual(await agent.next(), { type: MSG.SIGNAL, stream: OTHER_STREAM, payload: encodeU32s(9) });
  }));

Deno.test("ControlServer lets a command from SPAWN continue when its client is gone", () =>
  withServer(async ({ path, server, service, agent, other }) => {
    server.serve(service);
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.SPAWN, CLIENT_STREAM, encodeExec(EXEC));
    await agent.next();
    (await other).fromAgent({ type: MSG.STDOUT, stream: OTHER_STREAM, payload: new Uint8Array(5) });
    client[Symbol.dispose]();
    const credit = { type: MSG.CREDIT, stream: OTHER_STREAM, payload: encodeU32s(CHANNEL.STDOUT, 5) };
    assert.deepEqual(await agent.next(), credit, "nobody reads its output, and nobody killed it");
  }));

Deno.test("ControlServer sends a client that waits only the command's last frame", () =>
  withServer(async ({ path, server, relay, service }) => {
    server.serve(service);
    relay.release();
    using client = await FramePeer.dial(path);
    await client.send(CONTROL.WAIT, CLIENT_STREAM);
    const end = client.next();
    relay.fromAgent({ type: MSG.STDOUT, stream: MAIN_STREAM, payload: new Uint8Array(5) });
    relay.fromAgent(EXITED);
    assert.deepEqual(await end, EXITED);
  }));

Deno.test("ControlServer sends the command a signal, and closes the connection after the client", () =>
  withServer(async ({ path, server, service, agent }) => {
    server.serve(service);
    using conn = await Deno.connect({ transport: "unix", path });
    await conn.write(encodeFrame(CONTROL.SIGNAL, 0, encodeU32s(10)));
    await conn.closeWrite();
    assert.deepEqual(await agent.next(), { type: MSG.SIGNAL, stream: MAIN_STREAM, payload: encodeU32s(10) });
    assert.equal(await conn.read(new Uint8Array(1)), null);
  }));

Deno.test("ControlServer closes the connection of a client that breaks the protocol", async () => {
  const forged = new Uint8Array(12);
  new DataView(forged.buffer).setUint32(0, HOST_PAYLOAD_MAX + 1, true);
  const hostile: [what: string, act: (client: FramePeer) => Promise<void>][] = [
    ["a message before ATTACH", (client) => client.send(MSG.SIGNAL, CLIENT_STREAM, encodeU32s(9))],
    ["a message of the host", async (client) => {
      await client.send(CONTROL.ATTACH, CLIENT_STREAM);
      await client.send(MSG.SHUTDOWN, CLIENT_STREAM);
    }],
    ["the stream of another command", async (client) => {
      await client.send(CONTROL.ATTACH, CLIENT_STREAM);
      await client.send(MSG.SIGNAL, CLIENT_STREAM + 1, encodeU32s(9));
    }],
    ["a command that is none", (client) => client.send(CONTROL.EXEC, CLIENT_STREAM, encodeU32s(1))],
    ["a signal that is none", (client) => client.send(CONTROL.SIGNAL, 0, encodeU32s(0))],
    ["a stop by no signal", (client) => client.send(CONTROL.STOP, 0, encodeU32s(65, 0))],
    ["a forged length", (client) => client.write(forged)],
  ];
  for (const [what, act] of hostile) {
    await withServer(async ({ path, server, relay, service, agent }) => {
      server.serve(service);
      using client = await FramePeer.dial(path);
      await act(client);
      assert.equal(await client.next(), undefined, what);
      relay.signal(2);
      assert.deepEqual((await agent.next())?.payload, encodeU32s(2), `${what} reached the agent`);
    });
  }
});

Deno.test("ControlServer closes every connection when it is disposed of", async () => {
  let client: FramePeer | undefined;
  await withServer(async ({ path, server, service, agent }) => {
    server.serve(service);
    client = await FramePeer.dial(path);
    await client.send(CONTROL.ATTACH, CLIENT_STREAM);
    await client.send(MSG.SIGNAL, CLIENT_STREAM, encodeU32s(1));
    await agent.next();
  });
  assert.ok(client);
  assert.equal(await client.next(), undefined);
  client[Symbol.dispose]();
});

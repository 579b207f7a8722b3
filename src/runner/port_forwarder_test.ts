import assert from "node:assert/strict";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { pause } from "../../tests/helpers/until.ts";
import { type Connection, connectionPair } from "../protocol/connection.ts";
import { CHANNEL, MSG, STREAM_WINDOW } from "../protocol/constants.ts";
import { CLIENT_STREAM, CONTROL } from "../protocol/control.ts";
import { AGENT_TOOL, decodeExec, encodeExited, encodeU32s } from "../protocol/messages.ts";
import { PortForwarder } from "./port_forwarder.ts";

/** Two published ports of a machine. */
interface Setup {
  forwarder: PortForwarder;
  /** Connects to the machine, for the forwarder. */
  dial: () => Connection;
  /** Connects to one of them. */
  connect: (index?: number) => Promise<Deno.TcpConn>;
  /** The machine's end of the next request for a command: what it is to run, and its frames. */
  accept: () => Promise<{ argv: string[]; command: FramePeer }>;
}

async function withForwarder(test: (setup: Setup) => Promise<void>): Promise<void> {
  const dialled: Connection[] = [];
  const dial = () => {
    const [near, far] = connectionPair();
    dialled.push(far);
    return near;
  };
  {
    using opened = new DisposableStack();
    const ports = [80, 443].map((guestPort) => ({
      protocol: "tcp" as const,
      address: "127.0.0.1",
      hostPort: freePort(),
      guestPort,
    }));
    using forwarder = await PortForwarder.listen(ports);
    await test({
      forwarder,
      dial,
      async connect(index = 0) {
        return opened.use(await Deno.connect({ hostname: "127.0.0.1", port: ports[index]!.hostPort }));
      },
      async accept() {
        const command = opened.use(new FramePeer(await nextOf(dialled)));
        const { type, payload } = (await command.next())!;
        assert.equal(type, CONTROL.EXEC);
        return { argv: decodeExec(payload).argv, command };
      },
    });
  }
  // Its loops see the end of their connections.
  await pause(20);
}

/** The first of a queue, once there is one. */
async function nextOf<T>(queue: T[]): Promise<T> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await pause(1)) {
    const first = queue.shift();
    if (first !== undefined) return first;
  }
  assert.fail("nobody connected");
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const say = (command: FramePeer, type: number, payload?: Uint8Array) => command.send(type, CLIENT_STREAM, payload);
const started = (command: FramePeer) => say(command, MSG.STARTED, encodeU32s(1));
const bytes = (text: string) => new TextEncoder().encode(text);

/** Checks the next frame of the host's. */
async function assertSent(command: FramePeer, type: number, payload = new Uint8Array()): Promise<void> {
  assert.deepEqual(await command.next(), { type, stream: CLIENT_STREAM, payload });
}

/** Reads once; empty at the end. */
async function read(conn: Deno.Conn): Promise<string> {
  const chunk = new Uint8Array(100);
  return new TextDecoder().decode(chunk.subarray(0, await conn.read(chunk) ?? 0));
}

Deno.test("PortForwarder joins each connection to a command in the guest, also one that came too early", () =>
  withForwarder(async ({ forwarder, dial, connect, accept }) => {
    const early = await connect();
    await early.write(bytes("request"));
    forwarder.forward(dial);
    const { argv, command } = await accept();
    assert.deepEqual(argv, [AGENT_TOOL, "connect", "80"]);
    await started(command);
    await assertSent(command, MSG.STDIN, bytes("request"));
    await say(command, MSG.STDOUT, bytes("answer"));
    assert.equal(await read(early), "answer");
    await connect(1);
    assert.deepEqual((await accept()).argv, [AGENT_TOOL, "connect", "443"]);
  }));

Deno.test("PortForwarder passes on the end of either direction by itself", () =>
  withForwarder(async ({ forwarder, dial, connect, accept }) => {
    forwarder.forward(dial);
    const [first, { command: one }] = [await connect(), await accept()];
    await started(one);
    await first.closeWrite();
    await assertSent(one, MSG.STDIN);
    await say(one, MSG.STDOUT, bytes("late"));
    assert.equal(await read(first), "late");
    const [second, { command: two }] = [await connect(), await accept()];
    await started(two);
    await say(two, MSG.STDOUT);
    assert.equal(await read(second), "");
    await second.write(bytes("late"));
    await assertSent(two, MSG.STDIN, bytes("late"));
  }));

Deno.test("PortForwarder closes a connection when the guest has refused it, or the machine has ended", () =>
  withForwarder(async ({ forwarder, dial, connect, accept }) => {
    forwarder.forward(dial);
    const [refused, { command: one }] = [await connect(), await accept()];
    await started(one);
    await say(one, MSG.EXITED, encodeExited({ code: 1 }));
    assert.equal(await read(refused), "");
    const [lost, { command: two }] = [await connect(), await accept()];
    two[Symbol.dispose]();
    assert.equal(await read(lost), "");
  }));

Deno.test("PortForwarder takes no more from the guest than a connection takes, and holds up no other", () =>
  withForwarder(async ({ forwarder, dial, connect, accept }) => {
    forwarder.forward(dial);
    const [slow, { command: one }] = [await connect(), await accept()];
    await started(one);
    // More than the buffers of a connection hold, so that credit ends.
    const chunk = new Uint8Array(16_000);
    let credit = STREAM_WINDOW;
    let sent = 0;
    while (true) {
      while (credit >= chunk.length) {
        await say(one, MSG.STDOUT, chunk);
        credit -= chunk.length;
        sent += chunk.length;
      }
      const frame = await Promise.race([one.next(), pause(200)]);
      if (!frame) break;
      credit += new DataView(frame.payload.buffer, frame.payload.byteOffset).getUint32(4, true);
      assert.ok(sent < 2 ** 28, "it never stops");
    }
    const [other, { command: two }] = [await connect(), await accept()];
    await started(two);
    await say(two, MSG.STDOUT, bytes("answer"));
    assert.equal(await read(other), "answer");
    for (let part = 0; part < 3; part++) await say(two, MSG.STDOUT, chunk);
    await assertSent(two, MSG.CREDIT, encodeU32s(CHANNEL.STDOUT, 6 + 3 * chunk.length));
    let received = 0;
    while (received < sent) received += await slow.read(new Uint8Array(65_536)) ?? assert.fail("it was closed");
  }));

Deno.test("PortForwarder leaves the guest room for other commands", () =>
  withForwarder(async ({ forwarder, dial, connect, accept }) => {
    forwarder.forward(dial);
    const commands: FramePeer[] = [];
    for (let count = 0; count < 192; count++) {
      await connect();
      commands.push((await accept()).command);
    }
    assert.equal(await read(await connect()), "", "one too many");
    commands[0]![Symbol.dispose]();
    await pause(20);
    await connect();
    await accept();
  }));

Deno.test("PortForwarder.listen() has all ports or none, and frees them at its end", async () => {
  const [first, second] = [freePort(), freePort()].map((hostPort) => ({
    protocol: "tcp" as const,
    address: "127.0.0.1",
    hostPort,
    guestPort: 80,
  }));
  {
    using _ = Deno.listen({ hostname: "127.0.0.1", port: second!.hostPort });
    await assert.rejects(PortForwarder.listen([first!, second!]), { code: "port" });
  }
  for (let time = 0; time < 2; time++) (await PortForwarder.listen([first!, second!]))[Symbol.dispose]();
});

import assert from "node:assert/strict";
import { frameOfIpv6, type Guest, makeGuest, packetsOf } from "../../tests/network/fake_guest.ts";
import { GUEST_LINK } from "./guest_link.ts";
import { PROTOCOL } from "./ip_packet.ts";
import { parseIpv4 } from "./ipv4.ts";
import { UNREACHABLE, type Unreachable } from "./packets.ts";
import { RECEIVE_BYTES, type TcpConnection } from "./tcp_connection.ts";
import { FLAG } from "./tcp_segment.ts";

const { syn, ack, fin, rst } = FLAG;
const REMOTE = 0x0909090a;
const REMOTE6 = 0x2620_00fe_0000_0000_0000_0000_0000_0009n;

/** Returns an accepted connection. */
function connected(options: Parameters<typeof makeGuest>[0] = {}): { guest: Guest; connection: TcpConnection } {
  const guest = makeGuest(options);
  guest.send({ flags: syn, sequence: 1000 });
  const [connection] = guest.connections;
  connection!.accept();
  const [answer] = guest.take();
  assert.equal(answer?.flags, syn | ack);
  guest.remoteNext = (answer!.sequence + 1) >>> 0;
  guest.send({ flags: ack, sequence: 1001 });
  assert.deepEqual(guest.take(), []);
  return { guest, connection: connection! };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (text: string) => new TextEncoder().encode(text);

function write(connection: TcpConnection, content: Uint8Array): void {
  for (let at = 0; at < content.length;) {
    const space = connection.space();
    if (space.length === 0) return;
    const count = Math.min(space.length, content.length - at);
    space.set(content.subarray(at, at + count));
    connection.commit(count);
    at += count;
  }
}

for (const remote of [REMOTE, REMOTE6]) {
  Deno.test(`Stack accepts a connection to ${typeof remote} when its handler does, and relays data both ways`, () => {
    const { guest, connection } = connected({ remote });
    guest.send({ flags: ack, sequence: 1001, data: bytesOf("hello") });
    assert.deepEqual(guest.take().map(({ acknowledgement }) => acknowledgement), [1006]);
    assert.equal(text(connection.peek()), "hello");
    connection.consume(5);
    write(connection, bytesOf("world"));
    assert.deepEqual(guest.take().map(({ data }) => text(data)), ["world"]);
    assert.equal(connection.flow.remote, remote);
  });
}

Deno.test("Stack.maxSegment() uses the full MTU for IPv4 and IPv6", () => {
  const bytesIn = (remote: number | bigint) => {
    const guest = makeGuest({ remote });
    return guest.stack.maxSegment({ guest: 0, guestPort: 1, remote, remotePort: 1 });
  };
  assert.deepEqual([bytesIn(REMOTE), bytesIn(REMOTE6)], [GUEST_LINK.mtu - 40, GUEST_LINK.mtu - 60]);
});

Deno.test("Stack distinguishes IPv4 and IPv6 connections with numerically equal addresses", () => {
  const { guest, connection } = connected();
  guest.send({ flags: ack, sequence: 1001, data: bytesOf("x"), remote: BigInt(REMOTE) });
  assert.equal(connection.peek().length, 0);
  assert.deepEqual(guest.take().map(({ flags }) => flags), [rst | ack]);
});

Deno.test("Stack reports unreachable IPv6 destinations with the codes of ICMPv6", () => {
  const { host, protocol, port, prohibited } = UNREACHABLE;
  const table = [[host, 1, 3], [protocol, 4, 1], [port, 1, 4], [prohibited, 1, 1]] as const;
  for (const [code, ...expected] of table) {
    const guest = makeGuest({ remote: REMOTE6, connect: () => code });
    guest.send({ flags: syn, sequence: 1 });
    const [packet] = packetsOf(guest.stack);
    assert.deepEqual([packet?.protocol, packet?.type, packet?.code], [PROTOCOL.icmpv6, ...expected]);
    // The message quotes the IP header and the ports.
    assert.equal(packet?.message?.length, 8 + 40 + 8);
  }
  const guest = makeGuest({ remote: REMOTE6 });
  guest.send({ flags: syn, sequence: 1, protocol: 132 });
  assert.deepEqual(packetsOf(guest.stack).map(({ type, code }) => [type, code]), [[4, 1]]);
});

/** Sends an ICMPv6 message to a stack, and returns its answers. */
function sayIcmpv6(message: number[], to: { remote?: bigint; source?: bigint } = {}, guest = makeGuest()) {
  const { stack } = guest;
  const frame = frameOfIpv6(new Uint8Array(message), {
    protocol: PROTOCOL.icmpv6,
    remote: GUEST_LINK.gateway6,
    ...to,
  });
  stack.input(frame, new DataView(frame.buffer), 0, frame.length);
  return packetsOf(stack);
}

const bytesOfAddress = (address: bigint) => [...Uint8Array.fromHex(address.toString(16).padStart(32, "0"))];

Deno.test("Stack answers IPv6 pings to the gateway, and passes others to the handler or refuses them", () => {
  const ping = [128, 0, 0, 0, 1, 2, 3, 4, 5];
  const [answer, ...others] = sayIcmpv6(ping);
  assert.deepEqual([answer?.type, [...answer!.message!.subarray(4)], others], [129, ping.slice(4), []]);
  assert.deepEqual(sayIcmpv6(ping, { remote: REMOTE6 }).map(({ type, code }) => [type, code]), [[1, 1]]);
  const passed: [unknown, number[]][] = [];
  const guest = makeGuest({ onPing: (remote, message) => void passed.push([remote, [...message]]) });
  assert.deepEqual(sayIcmpv6(ping, { remote: REMOTE6 }, guest), []);
  assert.deepEqual(passed, [[REMOTE6, ping]]);
  guest.stack.sendEchoReply(REMOTE6, new Uint8Array(ping));
  const [reply] = packetsOf(guest.stack);
  assert.deepEqual([reply?.type, [...reply!.message!.subarray(4)]], [129, ping.slice(4)]);
});

Deno.test("Stack answers the guest's neighbor solicitations for all addresses except the guest's own", () => {
  const { gateway6, guest6, gatewayMac } = GUEST_LINK;
  const MULTICAST = 0xff02_0000_0000_0000_0000_0001_ff00_0001n;
  const LINK_LOCAL = 0xfe80_0000_0000_0000_0000_0000_0000_0005n;
  const ask = (wanted: bigint, source = guest6) =>
    sayIcmpv6([135, 0, 0, 0, 0, 0, 0, 0, ...bytesOfAddress(wanted)], { remote: MULTICAST, source });
  for (const source of [guest6, LINK_LOCAL]) {
    const [answer] = ask(gateway6, source);
    assert.deepEqual(
      [...answer!.message!.subarray(4)],
      [0x60, 0, 0, 0, ...bytesOfAddress(gateway6), 2, 1, ...gatewayMac],
    );
  }
  // The guest's own address, duplicate address detection, and solicitations from other addresses.
  for (const [wanted, source] of [[guest6, guest6], [guest6, 0n], [LINK_LOCAL, LINK_LOCAL], [gateway6, REMOTE6]]) {
    assert.deepEqual(ask(wanted!, source), []);
  }
  assert.deepEqual(sayIcmpv6([135, 0, 0, 0, 0, 0, 0, 0, 1]), []);
});

Deno.test("Stack drops IPv6 packets from other sources, with extension headers, or to multicast groups", () => {
  const guest = makeGuest({ remote: REMOTE6 });
  const LINK_LOCAL = 0xfe80_0000_0000_0000_0000_0000_0000_0005n;
  for (const source of [GUEST_LINK.gateway6, LINK_LOCAL, 0n, BigInt(GUEST_LINK.guest)]) {
    guest.send({ flags: syn, sequence: 1, source });
  }
  for (const protocol of [0, 43, 44, 50, 51, 60]) guest.send({ flags: syn, sequence: 1, protocol });
  guest.send({ flags: syn, sequence: 1, remote: 0xff02_0000_0000_0000_0000_0000_0000_0001n });
  guest.send({ flags: syn, sequence: 1, remote: GUEST_LINK.guest6 });
  assert.deepEqual([guest.connections.length, packetsOf(guest.stack)], [0, []]);
});

Deno.test("Stack resets refused connections, and segments without a connection", () => {
  const guest = makeGuest();
  guest.send({ flags: syn, sequence: 1000 });
  guest.connections[0]!.reset();
  assert.deepEqual(guest.take().map(({ flags, acknowledgement }) => [flags, acknowledgement]), [[rst | ack, 1001]]);
  assert.equal(guest.stack.connections, 0);
  guest.send({ flags: ack, sequence: 5, acknowledgement: 77 });
  assert.deepEqual(guest.take().map(({ flags, sequence }) => [flags, sequence]), [[rst | ack, 77]]);
  guest.send({ flags: rst, sequence: 5 });
  assert.deepEqual(guest.take(), []);
});

Deno.test("Stack reports a prohibited destination at once, and an unreachable one later", () => {
  const prohibited = makeGuest({ connect: () => UNREACHABLE.prohibited });
  prohibited.send({ flags: syn, sequence: 1 });
  assert.deepEqual(prohibited.takeUnreachable(), [UNREACHABLE.prohibited]);
  const guest = makeGuest();
  guest.send({ flags: syn, sequence: 1 });
  guest.stack.unreachable(guest.connections[0]!, UNREACHABLE.host);
  assert.deepEqual(guest.takeUnreachable(), [UNREACHABLE.host]);
  assert.equal(guest.stack.connections + prohibited.stack.connections, 0);
});

Deno.test("Stack delivers repeated, early and overlapping data once and in order", () => {
  const { guest, connection } = connected();
  const send = (at: number, content: string) => guest.send({ flags: ack, sequence: 1001 + at, data: bytesOf(content) });
  send(3, "def");
  send(6, "ghi");
  assert.deepEqual(guest.take().map(({ acknowledgement }) => acknowledgement), [1001, 1001]);
  send(0, "abcd");
  assert.deepEqual(guest.take().map(({ acknowledgement }) => acknowledgement), [1010]);
  send(0, "abcdefghi");
  send(5, "fghijk");
  assert.equal(text(connection.peek()), "abcdefghijk");
  assert.equal(guest.take().at(-1)?.acknowledgement, 1012);
});

Deno.test("Stack.trim() keeps data that arrived out of order", () => {
  const { guest, connection } = connected();
  guest.send({ flags: ack, sequence: 1004, data: bytesOf("def") });
  guest.stack.trim();
  guest.send({ flags: ack, sequence: 1001, data: bytesOf("abc") });
  assert.equal(text(connection.peek()), "abcdef");
});

Deno.test("Stack lets each side finish on its own, and then forgets the connection", () => {
  const { guest, connection } = connected();
  guest.send({ flags: ack | fin, sequence: 1001, data: bytesOf("bye") });
  assert.equal(guest.take().at(-1)?.acknowledgement, 1005);
  assert.equal(text(connection.peek()), "bye");
  assert.ok(connection.hasReceivedFin);
  connection.consume(3);
  write(connection, bytesOf("late"));
  connection.end();
  const segments = guest.take();
  assert.deepEqual(segments.map(({ flags, data }) => [flags & fin, text(data)]), [[0, "late"], [fin, ""]]);
  guest.remoteNext = (guest.remoteNext + 5) >>> 0;
  guest.send({ flags: ack, sequence: 1005 });
  assert.equal(guest.stack.connections, 1);
  guest.pass(2500);
  assert.equal(guest.stack.connections, 0);
});

Deno.test("Stack keeps unread data after both sides have finished", () => {
  const { guest, connection } = connected();
  connection.end();
  guest.take();
  guest.remoteNext++;
  guest.send({ flags: ack | fin, sequence: 1001, data: bytesOf("unread") });
  guest.pass(60_000);
  assert.equal(text(connection.peek()), "unread");
  connection.consume(6);
  guest.pass(2500);
  assert.equal(guest.stack.connections, 0);
});

Deno.test("Stack sends at most the guest's window, and probes a closed window", () => {
  const { guest, connection } = connected();
  guest.send({ flags: ack, sequence: 1001, window: 10 });
  guest.take();
  write(connection, new Uint8Array(100).fill(1));
  assert.deepEqual(guest.take().map(({ data }) => data.length), [10]);
  guest.remoteNext += 10;
  guest.send({ flags: ack, sequence: 1001, window: 0 });
  assert.deepEqual(guest.take(), []);
  guest.pass(1500);
  const [probe] = guest.take();
  assert.deepEqual([probe?.data.length, probe?.sequence], [0, guest.remoteNext - 1]);
  guest.send({ flags: ack, sequence: 1001, window: 500 });
  assert.deepEqual(guest.take().map(({ data }) => data.length), [90]);
});

Deno.test("Stack closes its receive window while data is unread, and opens it again", () => {
  const { guest, connection } = connected();
  const chunk = new Uint8Array(32_768);
  for (let at = 0; at < RECEIVE_BYTES; at += chunk.length) guest.send({ flags: ack, sequence: 1001 + at, data: chunk });
  assert.deepEqual([guest.take().at(-1)?.window, connection.peek().length], [0, RECEIVE_BYTES]);
  guest.send({ flags: ack, sequence: 1001 + RECEIVE_BYTES, data: chunk });
  assert.equal(guest.take().at(-1)?.acknowledgement, 1001 + RECEIVE_BYTES);
  connection.consume(1000);
  guest.stack.settle();
  assert.deepEqual(guest.take(), []);
  connection.consume(RECEIVE_BYTES / 2);
  guest.stack.settle();
  assert.ok(guest.take().at(-1)!.window > 0);
});

Deno.test("Stack retransmits after duplicate acknowledgements and timeouts, and gives up in the end", () => {
  const { guest, connection } = connected();
  write(connection, bytesOf("one"));
  write(connection, bytesOf("two"));
  guest.take();
  for (let time = 0; time < 3; time++) guest.send({ flags: ack, sequence: 1001 });
  assert.match(guest.take().map(({ data }) => text(data)).join(), /^one/);
  guest.pass(2000);
  assert.match(guest.take().map(({ data }) => text(data)).join(), /^one/);
  guest.pass(400_000);
  assert.equal(guest.take().at(-1)?.flags, rst | ack);
  assert.equal(guest.stack.connections, 0);
});

Deno.test("Stack accepts a reset only with the next sequence number, and acknowledges others", () => {
  const { guest } = connected();
  guest.send({ flags: rst, sequence: 1002 });
  assert.equal(guest.take().at(-1)?.acknowledgement, 1001);
  guest.send({ flags: rst, sequence: 999 });
  assert.equal(guest.stack.connections, 1);
  guest.send({ flags: rst, sequence: 1001 });
  assert.equal(guest.stack.connections, 0);
});

Deno.test("Stack ignores acknowledgements of data that it never sent", () => {
  const { guest, connection } = connected();
  guest.send({ flags: ack, sequence: 1001, acknowledgement: (guest.remoteNext + 5000) >>> 0, data: bytesOf("x") });
  assert.equal(connection.peek().length, 0);
});

Deno.test("Stack drops packets from other sources, and fragments", () => {
  const guest = makeGuest();
  guest.send({ flags: syn, sequence: 1, source: 0xc0a87f09 });
  guest.send({ flags: syn, sequence: 1, fragment: 0x2000 });
  guest.send({ flags: syn, sequence: 1, fragment: 0x0001 });
  assert.equal(guest.connections.length, 0);
  assert.deepEqual(guest.take(), []);
});

Deno.test("Stack limits a guest's connections, and those that are not accepted yet", () => {
  const guest = makeGuest();
  for (let port = 1; port <= 600; port++) guest.send({ flags: syn, sequence: 1, port });
  assert.equal(guest.stack.connections, 512);
  for (const connection of guest.connections) connection.accept();
  for (let port = 1001; port <= 6000; port++) {
    guest.send({ flags: syn, sequence: 1, port });
    guest.connections.at(-1)!.accept();
    guest.take();
  }
  assert.equal(guest.stack.connections, 4096);
  assert.equal(REMOTE, guest.connections[0]!.flow.remote);
});

/** Makes a packet from another machine to the guest, without checksums, with `optionBytes` bytes of IP options. */
function packetFrom(
  source: number,
  { protocol = PROTOCOL.tcp as number, size = 30, optionBytes = 0 } = {},
): Uint8Array {
  const bytes = new Uint8Array(20 + optionBytes + size).fill(7);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 0, 20 + optionBytes);
  view.setUint8(0, 0x45 + optionBytes / 4);
  view.setUint16(2, bytes.length);
  view.setUint8(9, protocol);
  view.setUint32(12, source);
  view.setUint32(16, GUEST_LINK.guest);
  if (protocol === PROTOCOL.tcp && size >= 20) view.setUint8(20 + optionBytes + 12, 0x50);
  return bytes;
}

Deno.test("Stack.forward() computes the checksums that the other guest left out, and drops IP options", () => {
  const { stack } = makeGuest();
  const forward = (packet: Uint8Array) => {
    stack.forward(packet, parseIpv4(new DataView(packet.buffer), 0, packet.length)!);
    return packetsOf(stack); // which verifies the checksums
  };
  for (const optionBytes of [0, 8, 40]) {
    for (const size of [20, 31, 1400, 65_400]) {
      const [packet, ...others] = forward(packetFrom(0xc0a87f09, { size, optionBytes }));
      assert.deepEqual([packet?.segment?.data, others], [new Uint8Array(size - 20).fill(7), []]);
    }
  }
  for (const [protocol, size] of [[PROTOCOL.tcp, 17], [PROTOCOL.udp, 7]] as const) {
    assert.deepEqual(forward(packetFrom(0xc0a87f09, { protocol, size })), []);
  }
});

Deno.test("Stack lets its handler take or refuse packets, and drops those from other sources", () => {
  const told: number[] = [];
  let fate: "taken" | Unreachable | undefined = "taken";
  const guest = makeGuest({ onPacket: (_bytes, _view, packet) => (told.push(packet.source), fate) });
  guest.send({ flags: syn, sequence: 1000 });
  fate = UNREACHABLE.host;
  guest.send({ flags: syn, sequence: 1000 });
  assert.deepEqual(guest.takeUnreachable(), [UNREACHABLE.host]);
  assert.equal(guest.connections.length, 0);
  guest.send({ flags: syn, sequence: 1000, source: 0xc0a87f09 });
  assert.deepEqual(told, [GUEST_LINK.guest, GUEST_LINK.guest]);
  fate = undefined;
  guest.send({ flags: syn, sequence: 1000 });
  assert.equal(guest.connections.length, 1);
});

/**
 * A seeded fuzzer of the gateway's network stack and parsers. It sends valid, damaged and random frames while the other
 * side of the connections writes, reads, ends and resets them at random.
 *
 *     deno run tests/fuzz/network.ts [--seed N] [--iterations N]    from a seed, or a random one; 50000 are 10^7 frames
 *     deno run tests/fuzz/network.ts --repro SEED                   repeats the iteration that failed
 *
 * @module
 */

import assert from "node:assert/strict";
import { addressesIn, emptyAnswer, parseQuestion } from "../../src/network/dns_message.ts";
import { describeEvent, parseEvent } from "../../src/network/events.ts";
import { GUEST_LINK as LINK } from "../../src/network/guest_link.ts";
import { type Ipv4Packet, parseIpv4 } from "../../src/network/ipv4.ts";
import { formatIpv6, parseIpv6Address } from "../../src/network/ipv6.ts";
import { LinkError, runLink } from "../../src/network/link.ts";
import { requestOf } from "../../src/network/member_packet.ts";
import { UNREACHABLE } from "../../src/network/packets.ts";
import { RequestError, RequestHead } from "../../src/network/request_head.ts";
import { MAX_HELLO_BYTES, serverNameOf } from "../../src/network/server_name.ts";
import { Stack } from "../../src/network/stack.ts";
import { RECEIVE_BYTES, SEND_BYTES, type TcpConnection } from "../../src/network/tcp_connection.ts";
import { frameOfIpv6, packetsOf } from "../network/fake_guest.ts";
import { Fuzzer } from "./fuzzer.ts";
import { Random } from "./random.ts";

/** Frames per iteration. */
const FRAMES = 200;

const fuzzer = new Fuzzer("tests/fuzz/network.ts", async (seed) => {
  checkStack(new Random(seed));
  checkDns(new Random(seed));
  checkFirstBytes(new Random(seed));
  checkForwarding(new Random(seed));
  await checkLink(new Random(seed));
});

/** Fuzzes the stack, with hundreds of frames in each iteration; see {@linkcode Fuzzer.run}. */
export const fuzzNetwork = fuzzer.run.bind(fuzzer);

/** Checks that the stack sends only well-formed packets and stays within its limits, whatever frames it receives. */
function checkStack(random: Random): void {
  let now = 0;
  const connections: TcpConnection[] = [];
  const stack = new Stack(LINK, {
    onConnect(connection) {
      if (random.upTo(7) === 0) return UNREACHABLE.prohibited;
      connections.push(connection);
      return undefined;
    },
    onDatagram: (flow, data) => random.upTo(1) === 0 ? UNREACHABLE.port : void stack.sendDatagram(flow, data),
    onPing: (remote, message) =>
      random.upTo(1) === 0 ? UNREACHABLE.prohibited : void stack.sendEchoReply(remote, message),
    onOutput() {},
  }, { now: () => now, random: () => random.u32() });
  const numbers = { sequence: random.u32(), acknowledgement: random.u32() };
  for (let count = 0; count < FRAMES; count++) {
    const frame = makeFrame(random, numbers);
    stack.input(frame, new DataView(frame.buffer), 0, frame.length);
    if (random.upTo(3) === 0) stack.settle();
    const connection = connections[random.upTo(Math.max(0, connections.length - 1))];
    if (connection) act(random, stack, connection);
    now += random.upTo(300);
    if (random.upTo(7) === 0) stack.tick();
    for (const { segment } of packetsOf(stack)) {
      // Follow the stack's sequence numbers half of the time.
      if (segment && random.upTo(1) === 0) {
        numbers.acknowledgement = (segment.sequence + segment.data.length + (segment.flags & 1)) >>> 0;
        numbers.sequence = segment.acknowledgement;
      }
    }
    stack.resume();
    assert.ok(stack.connections <= connections.length);
    for (const { isClosed } of connections.slice(0, 3)) assert.equal(typeof isClosed, "boolean");
  }
  const open = connections.filter(({ isClosed }) => !isClosed);
  assert.equal(stack.connections, open.length);
  assert.ok(stack.budget.used <= open.length * (SEND_BYTES + RECEIVE_BYTES));
  for (const connection of open) connection.reset();
  assert.deepEqual([stack.connections, stack.budget.used], [0, 0]);
}

/** Checks that the stack drops a packet of another machine, or forwards it as one packet with the same ends. */
function checkForwarding(random: Random): void {
  const bytes = random.bytes(random.upTo(100)) as Uint8Array<ArrayBuffer>;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length >= 20) {
    view.setUint8(0, 0x45 + random.upTo(3));
    view.setUint16(2, bytes.length - random.upTo(1));
    view.setUint16(6, 0);
    view.setUint8(9, [6, 17, 1, random.upTo(255)][random.upTo(3)]!);
  }
  const packet = parseIpv4(view, 0, bytes.length);
  if (packet === undefined) return;
  requestOf(view, packet);
  const nothing = () => undefined;
  const stack = new Stack(LINK, { onConnect: nothing, onDatagram: nothing, onPing: nothing, onOutput() {} });
  stack.forward(bytes, packet);
  const taken = stack.outbox.take();
  if (taken === undefined) return;
  const passed = parseIpv4(new DataView(taken.buffer), 4 + 14, taken.length);
  const endsOf = (
    { protocol, source, destination, payload, end }: Ipv4Packet,
  ) => [protocol, source, destination, end - payload];
  assert.deepEqual([endsOf(passed!), passed!.end], [endsOf(packet), taken.length]);
}

/** Performs a random action of the other side of a connection. */
function act(random: Random, stack: Stack, connection: TcpConnection): void {
  switch (random.upTo(7)) {
    case 0:
      return connection.accept();
    case 1:
      return connection.end();
    case 2:
      return random.upTo(9) === 0 ? connection.reset() : undefined;
    case 3:
      return connection.isConnecting && random.upTo(3) === 0 ? stack.unreachable(connection, 1) : undefined;
    case 4:
      return connection.consume(random.upTo(connection.peek().length));
    case 5:
      return connection.trim();
    default: {
      const space = connection.space();
      if (space.length > 0) connection.commit(random.upTo(space.length));
    }
  }
}

/** Makes a frame of one of a few flows: mostly TCP, mostly valid, and sometimes damaged. */
function makeFrame(
  random: Random,
  numbers: { sequence: number; acknowledgement: number },
): Uint8Array<ArrayBuffer> {
  if (random.upTo(31) === 0) return random.bytes(random.upTo(100));
  const size = random.upTo(15) === 0 ? random.upTo(20_000) : random.upTo(60);
  const options = random.upTo(3) * 4;
  const frame = new Uint8Array(14 + 20 + 20 + options + size);
  const view = new DataView(frame.buffer);
  frame.set(LINK.gatewayMac);
  view.setUint16(12, random.upTo(31) === 0 ? 0x0806 : 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, frame.length - 14);
  view.setUint8(23, [6, 6, 6, 6, 17, 1][random.upTo(5)]!);
  view.setUint32(26, LINK.guest);
  view.setUint32(30, random.upTo(7) === 0 ? LINK.gateway : 0x09090909);
  view.setUint16(34, 1 + random.upTo(3));
  view.setUint16(36, 80);
  const drift = [0, 0, 0, -1, 1, random.upTo(3000), -random.upTo(3000), random.u32()][random.upTo(7)]!;
  view.setUint32(38, numbers.sequence + drift);
  view.setUint32(42, random.upTo(9) === 0 ? random.u32() : numbers.acknowledgement);
  if (frame[23] === 17) view.setUint16(38, frame.length - 34);
  if (frame[23] === 1) frame[34] = 8;
  view.setUint8(46, (5 + options / 4) << 4);
  view.setUint8(47, [16, 16, 16, 24, 17, 2, 2, 4, random.upTo(255)][random.upTo(8)]!);
  view.setUint16(48, [65_535, 1000, 0, random.upTo(65_535)][random.upTo(3)]!);
  frame.set(random.bytes(options), 54);
  return damaged(random, random.upTo(1) === 0 ? frame : toIpv6(random, frame));
}

/** Makes an IPv6 frame with the payload of an IPv4 frame. */
function toIpv6(random: Random, frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const payload = frame.slice(34);
  const isIcmp = frame[23] === 1;
  if (isIcmp) payload[0] = [128, 135, random.upTo(255)][random.upTo(2)]!;
  const protocol = isIcmp ? 58 : random.upTo(31) === 0 ? random.upTo(255) : frame[23]!;
  return frameOfIpv6(payload, {
    protocol,
    remote: random.upTo(7) === 0 ? LINK.gateway6 : 0x2620_00fen << 96n,
    source: random.upTo(15) === 0 ? BigInt(random.u32()) << 96n : LINK.guest6,
  });
}

function damaged(random: Random, frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let damage = random.upTo(15) === 0 ? random.upTo(4) : 0; damage > 0; damage--) {
    frame[random.upTo(Math.min(60, frame.length - 1))] = random.upTo(255);
  }
  return random.upTo(31) === 0 ? frame.slice(0, random.upTo(frame.length)) : frame;
}

/** Checks that the DNS parser reads or refuses any bytes, and never throws. */
function checkDns(random: Random): void {
  const message = random.bytes(random.upTo(80));
  if (message.length >= 12 && random.upTo(3) > 0) message.set([0, 1, 0, random.upTo(3)], 4);
  for (let at = 12; at < message.length && random.upTo(3) > 0; at += 1 + random.upTo(5)) message[at] = random.upTo(6);
  const question = parseQuestion(message);
  if (question === undefined) return;
  assert.ok(question.end <= message.length && question.name.length <= 4 * 255);
  for (const { address } of addressesIn(message, question)) {
    assert.ok(address >= 0);
    if (typeof address === "bigint") assert.equal(parseIpv6Address(formatIpv6(address)), address);
  }
  assert.equal(parseQuestion(emptyAnswer(message, question, 3))?.name, question.name);
}

/** Checks that the parsers of a connection's first bytes handle any bytes, and that serverNameOf() decides in time. */
function checkFirstBytes(random: Random): void {
  const bytes = random.upTo(15) === 0
    ? new Uint8Array(MAX_HELLO_BYTES + random.upTo(100))
    : new Uint8Array(random.upTo(120));
  bytes.set(random.bytes(Math.min(bytes.length, 200)));
  const starts = [[22, 3, 1, 0, random.upTo(90), 1, 0, 0, random.upTo(90), 3, 3], [
    ...new TextEncoder().encode("GET / HTTP/1.1\r\nHost: "),
  ]];
  const start = starts[random.upTo(2)] ?? [];
  bytes.set(start.slice(0, bytes.length));
  const words = serverNameOf(bytes);
  if (bytes.length >= MAX_HELLO_BYTES) assert.ok(words !== undefined);
  if (words?.name !== undefined) assert.match(words.name, /^[a-z0-9_.-]{1,253}$/);
  const head = new RequestHead([{ placeholder: "PLACE", value: "VALUE" }]);
  try {
    for (let at = 0; at < bytes.length; at += 50) head.take(bytes.subarray(at, at + 50));
  } catch (error) {
    assert.ok(error instanceof RequestError);
  }
  const event = parseEvent(new TextDecoder().decode(bytes));
  if (event !== undefined) describeEvent(event);
}

/** Checks that a link ends without an error, or with a LinkError. */
async function checkLink(random: Random): Promise<void> {
  const stack = new Stack(LINK, { onConnect: () => 1, onDatagram: () => 1, onPing: () => 1, onOutput() {} });
  let left = random.upTo(5);
  const stream = {
    read(into: Uint8Array): Promise<number | null> {
      if (left-- === 0) return Promise.resolve(null);
      const bytes = random.bytes(1 + random.upTo(200));
      if (random.upTo(1) === 0) bytes.set([0, 0, 0, 14 + random.upTo(60)].slice(0, bytes.length));
      into.set(bytes);
      return Promise.resolve(bytes.length);
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
  };
  await runLink(stream, stack).catch((error) => assert.ok(error instanceof LinkError));
}

if (import.meta.main) await fuzzer.main({ iterations: 5000 });

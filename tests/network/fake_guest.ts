/** A fake guest that sends segments to a stack and returns the stack's packets. */

import { type IpAddress, isIpv6 } from "../../src/network/ip.ts";
import { ETHERTYPE, PROTOCOL } from "../../src/network/ip_packet.ts";
import { parseIpv4 } from "../../src/network/ipv4.ts";
import { parseIpv6, writeIpv6 } from "../../src/network/ipv6.ts";
import { contains, parseNetwork } from "../../src/network/networks.ts";
import { UNREACHABLE, type Unreachable } from "../../src/network/packets.ts";
import { GUEST_LINK as LINK } from "../../src/network/guest_link.ts";
import { Stack, type StackHandler } from "../../src/network/stack.ts";
import type { TcpConnection } from "../../src/network/tcp_connection.ts";
import { parseTcp } from "../../src/network/tcp_segment.ts";

/** A segment from the guest. */
export interface Sent {
  flags: number;
  sequence: number;
  acknowledgement?: number;
  window?: number;
  data?: Uint8Array;
  port?: number;
  source?: IpAddress;
  /** Also determines the IP version. */
  remote?: IpAddress;
  fragment?: number;
  /** Protocol number in the IP header. */
  protocol?: number;
}

/** A segment for the guest. */
export interface Received {
  flags: number;
  sequence: number;
  acknowledgement: number;
  window: number;
  data: Uint8Array;
}

export interface Guest {
  stack: Stack;
  connections: TcpConnection[];
  /** Default acknowledgement number of the guest's segments. */
  remoteNext: number;
  send(segment: Sent): void;
  take(): Received[];
  /** Takes the packets for the guest, and returns the codes of the ICMP messages. */
  takeUnreachable(): number[];
  /** Advances the time, with ticks. */
  pass(ms: number): void;
}

const REMOTE = 0x0909090a;

export function makeGuest(
  { connect = () => undefined, onPacket, onPing = () => UNREACHABLE.prohibited, remote = REMOTE }:
    & { connect?: () => Unreachable | undefined; remote?: IpAddress }
    & Partial<Pick<StackHandler, "onPacket" | "onPing">> = {},
): Guest {
  let now = 0;
  const connections: TcpConnection[] = [];
  const stack = new Stack(LINK, {
    onConnect(connection) {
      const code = connect();
      if (code === undefined) connections.push(connection);
      return code;
    },
    onDatagram: () => undefined,
    onPacket,
    onPing,
    onOutput() {},
  }, { now: () => now, random: () => 0xffffff00 });
  const guest: Guest = {
    stack,
    connections,
    remoteNext: 0,
    send(segment) {
      const frame = frameOf({ acknowledgement: guest.remoteNext, remote, ...segment });
      stack.input(frame, new DataView(frame.buffer), 0, frame.length);
      stack.settle();
    },
    take: () => packetsOf(stack).flatMap(({ protocol, segment }) => protocol === PROTOCOL.tcp ? [segment!] : []),
    takeUnreachable: () => packetsOf(stack).flatMap(({ code }) => code === undefined ? [] : [code]),
    pass(ms) {
      for (const end = now + ms; now < end;) {
        now += Math.min(100, end - now);
        stack.tick();
        // Discard the packets before the outbox is full.
        if (!stack.outbox.hasRoom(500_000)) packetsOf(stack);
      }
    },
  };
  return guest;
}

function frameOf(
  {
    flags,
    sequence,
    acknowledgement = 0,
    window = 65_535,
    data = new Uint8Array(0),
    port = 1234,
    source,
    remote = REMOTE,
    fragment = 0,
    protocol = PROTOCOL.tcp,
  }: Sent,
): Uint8Array<ArrayBuffer> {
  const segment = new Uint8Array(20 + data.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, port);
  view.setUint16(2, 80);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledgement);
  view.setUint8(12, 0x50);
  view.setUint8(13, flags);
  view.setUint16(14, window);
  segment.set(data, 20);
  if (isIpv6(remote)) return frameOfIpv6(segment, { protocol, remote, source });
  const frame = ethernetFrame(ETHERTYPE.ipv4, 20 + segment.length);
  const header = new DataView(frame.buffer);
  header.setUint8(14, 0x45);
  header.setUint16(16, 20 + segment.length);
  header.setUint16(20, fragment);
  header.setUint8(23, protocol);
  header.setUint32(26, Number(source ?? LINK.guest));
  header.setUint32(30, remote);
  frame.set(segment, 34);
  return frame;
}

/** Makes a frame from the guest to the gateway, with space for a packet. */
function ethernetFrame(type: number, packetBytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + packetBytes);
  frame.set(LINK.gatewayMac);
  frame.set(LINK.guestMac, 6);
  new DataView(frame.buffer).setUint16(12, type);
  return frame;
}

/** Makes a frame from the guest with an IPv6 packet. */
export function frameOfIpv6(
  payload: Uint8Array,
  { protocol, remote, source = LINK.guest6 }: { protocol: number; remote: bigint; source?: IpAddress | undefined },
): Uint8Array<ArrayBuffer> {
  const frame = ethernetFrame(ETHERTYPE.ipv6, 40 + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint8(14, 0x60);
  view.setUint16(18, payload.length);
  view.setUint8(20, protocol);
  view.setUint8(21, 255);
  writeIpv6(view, 22, BigInt(source));
  writeIpv6(view, 38, remote);
  frame.set(payload, 54);
  return frame;
}

/** Takes the packets in a stack's outbox. Verifies their lengths, addresses and checksums. */
export function packetsOf(
  stack: Stack,
): { protocol: number; segment?: Received; type?: number; code?: number; message?: Uint8Array }[] {
  const taken = stack.outbox.take();
  if (taken === undefined) return [];
  const view = new DataView(taken.buffer);
  const packets = [];
  for (let at = 0; at < taken.length;) {
    const length = view.getUint32(at);
    const start = at + 4 + 14;
    at += 4 + length;
    if (view.getUint16(start - 2) === ETHERTYPE.arp) continue;
    const packet = view.getUint16(start - 2) === ETHERTYPE.ipv6
      ? parseIpv6(view, start, at)
      : parseIpv4(view, start, at);
    if (packet === undefined || !isGuests(packet.destination)) throw new Error("a malformed packet");
    checkSums(taken, packet);
    const { payload, end, protocol } = packet;
    if (protocol === PROTOCOL.tcp) {
      const segment = parseTcp(view, payload, end);
      if (segment === undefined) throw new Error("a malformed segment");
      packets.push({ protocol, segment: { ...segment, data: taken.slice(segment.data, segment.end) } });
    } else {
      const [type, code] = [view.getUint8(payload), view.getUint8(payload + 1)];
      packets.push({ protocol, type, code, message: taken.slice(payload, end) });
    }
  }
  stack.outbox.giveBack(taken);
  return packets;
}

const LINK_LOCAL = parseNetwork("fe80::/10")!;

/** Neighbor solicitations may come from a link-local address. */
function isGuests(address: IpAddress): boolean {
  return address === LINK.guest || address === LINK.guest6 || contains(LINK_LOCAL, address);
}

/** The sum over the covered data including the checksum must be all ones. */
function checkSums(bytes: Uint8Array, packet: { protocol: number; start: number; payload: number; end: number }): void {
  const { protocol, start, payload, end } = packet;
  const isVersion6 = bytes[start]! >> 4 === 6;
  // The pseudo-header: addresses, protocol and length.
  const addresses = isVersion6 ? sum(bytes, start + 8, start + 40) : sum(bytes, start + 12, start + 20);
  const pseudo = protocol === PROTOCOL.icmp ? 0 : addresses + protocol + end - payload;
  const isRight = (isVersion6 || fold(sum(bytes, start, payload)) === 0xffff) &&
    fold(pseudo + sum(bytes, payload, end)) === 0xffff;
  if (!isRight) throw new Error("a wrong checksum");
}

/** Computes the sum independently of the stack's implementation. */
function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0;
  for (let at = from; at < to; at += 2) total += (bytes[at]! << 8) | (at + 1 < to ? bytes[at + 1]! : 0);
  return total;
}

function fold(total: number): number {
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

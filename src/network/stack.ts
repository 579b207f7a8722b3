import { type IpAddress, ipHeaderBytes, isIpv6 } from "./ip.ts";
import { ETHERNET_BYTES, ETHERTYPE, type IpPacket, PROTOCOL } from "./ip_packet.ts";
import { type Ipv4, type Ipv4Packet, parseIpv4 } from "./ipv4.ts";
import { type Ipv6, IPV6_BYTES, type Ipv6Packet, parseIpv6, readIpv6 } from "./ipv6.ts";
import { contains, parseNetwork } from "./networks.ts";
import { Outbox } from "./outbox.ts";
import { type Flow, keyOf, type OutgoingSegment, PacketWriter, UNREACHABLE, type Unreachable } from "./packets.ts";
import { Budget } from "./ring.ts";
import { TcpConnection, type TcpHost } from "./tcp_connection.ts";
import { FLAG, parseTcp, parseTcpOptions, TCP_BYTES, type TcpSegment } from "./tcp_segment.ts";

/** Minimum and maximum length of a guest's frame, in bytes. libkrun accepts no longer frames. */
export const MIN_FRAME_BYTES = ETHERNET_BYTES;
export const MAX_FRAME_BYTES = 65_550;

const OUTBOX_BYTES = 1024 * 1024;
const UDP_BYTES = 8;
const ICMP = { echoRequest: 8 } as const;
const ICMPV6 = { echoRequest: 128, solicitation: 135 } as const;
const SOLICITATION_BYTES = 24;
const BROADCAST: Ipv4 = 0xffffffff;
const LINK_LOCAL = parseNetwork("fe80::/10")!;
const MULTICAST = parseNetwork("ff00::/8")!;

/** Limits on the host memory that a hostile guest can use. */
const LIMITS = {
  /** Connections, including those in TIME-WAIT. */
  connections: 4096,
  /** Connections that the gateway has not accepted yet, because it is still connecting to the server. */
  connecting: 512,
  /** Buffered data of all connections, in both directions. */
  bufferedBytes: 128 * 1024 * 1024,
};

/** The addresses on the link between a guest and its gateway. */
export interface LinkAddresses {
  guest: Ipv4;
  /** The guest's addresses in the networks that it has joined. */
  memberships: readonly Ipv4[];
  gateway: Ipv4;
  guest6: Ipv6;
  gateway6: Ipv6;
  guestMac: Uint8Array;
  gatewayMac: Uint8Array;
  /** Largest packet that fits in a frame, in bytes. */
  mtu: number;
}

/** Receives what the guest sends. The stack calls it. */
export interface StackHandler {
  /**
   * The guest opens a connection. The handler accepts or resets it, now or later, or returns a code to refuse it at
   * once: the stack then sends the guest a destination unreachable message.
   */
  onConnect(connection: TcpConnection): Unreachable | undefined;
  /** The guest sent a UDP datagram. `data` is valid only during the call. Returns a code to refuse the datagram. */
  onDatagram(flow: Flow, data: Uint8Array): Unreachable | undefined;
  /**
   * The guest sent an IPv4 packet from one of its addresses. `bytes` is valid only during the call. Returns `taken` if
   * the packet was for another machine, a code to refuse it, or `undefined` if the stack must process it.
   */
  onPacket?: ((bytes: Uint8Array, view: DataView, packet: Ipv4Packet) => "taken" | Unreachable | undefined) | undefined;
  /**
   * The guest sent an echo request to an address other than the gateway's. `message` is valid only during the call.
   * Returns a code to refuse the request.
   */
  onPing(remote: IpAddress, message: Uint8Array): Unreachable | undefined;
  /** {@linkcode Stack.outbox} has frames to send. */
  onOutput(): void;
}

/** The clock and random numbers of a stack. Tests provide their own. */
export interface StackPlatform {
  /** Time of a monotonic clock, in milliseconds. */
  now(): number;
  /** Returns an unpredictable 32-bit number. */
  random(): number;
}

const PLATFORM: StackPlatform = {
  now: () => performance.now(),
  random: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
};

/**
 * The network as the guest sees it. The gateway answers for every address except the guest's own, and terminates all
 * connections. The stack turns frames into calls to the handler and the results into frames; it opens no sockets. It
 * treats all input as hostile.
 */
export class Stack implements TcpHost {
  readonly outbox = new Outbox(OUTBOX_BYTES);
  readonly budget = new Budget(LIMITS.bufferedBytes);
  readonly #link: LinkAddresses;
  readonly #handler: StackHandler;
  readonly #platform: StackPlatform;
  readonly #writer: PacketWriter;
  readonly #connections = new Map<string, TcpConnection>();
  /** The SYN packet of each connection that is not accepted yet, to quote in a destination unreachable message. */
  readonly #quotes = new Map<TcpConnection, { bytes: Uint8Array; packet: IpPacket<IpAddress> }>();
  readonly #toAcknowledge = new Set<TcpConnection>();
  readonly #toTick = new Set<TcpConnection>();
  readonly #blocked = new Set<TcpConnection>();
  #inputFrames = 0;
  #inputBytes = 0;

  constructor(link: LinkAddresses, handler: StackHandler, platform = PLATFORM) {
    this.#link = link;
    this.#handler = handler;
    this.#platform = platform;
    this.#writer = new PacketWriter(this.outbox, { gateway: link.gatewayMac, guest: link.guestMac });
  }

  /** Number of connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Total number of frames from the guest, and their size in bytes. */
  get totalInput(): { frames: number; bytes: number } {
    return { frames: this.#inputFrames, bytes: this.#inputBytes };
  }

  /** Number of bytes from the guest that still wait to be read from their connections. */
  get undeliveredBytes(): number {
    return [...this.#connections.values()].reduce((sum, connection) => sum + connection.peek().length, 0);
  }

  /** Whether the caller must call {@linkcode tick} regularly. */
  get needsTicks(): boolean {
    return this.#toTick.size > 0;
  }

  /** Processes the frame of `length` bytes at `start`. After a batch of frames, call {@linkcode settle}. */
  input(bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, length: number): void {
    this.#inputFrames++;
    this.#inputBytes += length;
    if (length < ETHERNET_BYTES) return;
    const payload = start + ETHERNET_BYTES;
    const end = start + length;
    const type = view.getUint16(start + 12);
    if (type === ETHERTYPE.arp) return this.#inputArp(view, payload, end);
    if (type === ETHERTYPE.ipv6) {
      const packet = parseIpv6(view, payload, end);
      if (packet === undefined || this.#inputSolicitation(view, packet)) return;
      if (isAt(bytes, start, this.#link.gatewayMac)) this.#inputIpv6(bytes, view, packet);
    } else if (type === ETHERTYPE.ipv4 && isAt(bytes, start, this.#link.gatewayMac)) {
      const packet = parseIpv4(view, payload, end);
      if (packet !== undefined) this.#inputIpv4(bytes, view, packet);
    }
  }

  /** Acknowledges the received segments, once for each connection. */
  settle(): void {
    for (const connection of this.#toAcknowledge) connection.acknowledge();
    this.#toAcknowledge.clear();
    if (!this.outbox.isEmpty) this.#handler.onOutput();
  }

  /** Continues the connections that waited for room in the outbox. */
  resume(): void {
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const connection of blocked) connection.output();
    this.settle();
  }

  /** Runs the timers that are due. */
  tick(): void {
    for (const connection of this.#toTick) {
      connection.tick();
      if (!connection.needsTicks) this.#toTick.delete(connection);
    }
    this.settle();
  }

  /** Frees unused buffer memory. */
  trim(): void {
    for (const connection of this.#connections.values()) connection.trim();
  }

  /** Tells the guest that the destination of a connection is unreachable, and drops the connection. */
  unreachable(connection: TcpConnection, code: Unreachable): void {
    const quote = this.#quotes.get(connection);
    if (quote) {
      this.#refuse(code, quote);
      connection.drop();
    } else connection.reset(); // The connection is already accepted.
    this.settle();
  }

  /** Sends the guest a UDP datagram, or drops it if there is no room. */
  sendDatagram(flow: Flow, data: Uint8Array): void {
    if (!this.outbox.hasRoom(data.length) || data.length > this.#link.mtu - ipHeaderBytes(flow.remote) - UDP_BYTES) {
      return;
    }
    this.#writer.udp(flow, data);
    this.settle();
  }

  /** Sends the guest an echo reply, or drops it if there is no room. */
  sendEchoReply(remote: IpAddress, message: Uint8Array): void {
    if (message.length > this.#link.mtu - ipHeaderBytes(remote)) return;
    this.#answerPing(remote, message);
    this.settle();
  }

  /**
   * Sends the guest a packet from another guest, or drops it if there is no room. After a batch of packets, call
   * {@linkcode settle}.
   */
  forward(bytes: Uint8Array, packet: Ipv4Packet): void {
    if (this.outbox.hasRoom(packet.end - packet.start)) this.#writer.forward(bytes, packet);
  }

  // --- called by connections

  maxSegment({ remote }: Flow): number {
    return this.#link.mtu - ipHeaderBytes(remote) - TCP_BYTES;
  }

  transmit(flow: Flow, segment: OutgoingSegment): boolean {
    return this.#writer.tcp(flow, segment);
  }

  hasRoom(bytes: number, connection: TcpConnection): boolean {
    if (this.outbox.hasRoom(bytes + ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES)) return true;
    this.#blocked.add(connection);
    return false;
  }

  wantsAcknowledgement(connection: TcpConnection): void {
    this.#toAcknowledge.add(connection);
  }

  wantsTicks(connection: TcpConnection): void {
    this.#toTick.add(connection);
  }

  accepted(connection: TcpConnection): void {
    this.#quotes.delete(connection);
  }

  closed(connection: TcpConnection): void {
    this.#quotes.delete(connection);
    this.#toAcknowledge.delete(connection);
    this.#toTick.delete(connection);
    this.#blocked.delete(connection);
    const key = keyOf(connection.flow);
    if (this.#connections.get(key) === connection) this.#connections.delete(key);
  }

  now(): number {
    return this.#platform.now();
  }

  // --- input

  #inputArp(view: DataView, start: number, end: number): void {
    const REQUEST = 1;
    if (end - start < 28 || view.getUint16(start + 6) !== REQUEST || view.getUint16(start + 2) !== ETHERTYPE.ipv4) {
      return;
    }
    const [asker, wanted] = [view.getUint32(start + 14), view.getUint32(start + 24)];
    // Do not answer a guest that probes its own address (RFC 5227): no other host uses it.
    if (!this.#isOwn(asker) || this.#isOwn(wanted)) return;
    this.#writer.arpReply(wanted, asker);
  }

  /** Answers a neighbor solicitation, which is the ARP request of IPv6. Returns false for any other packet. */
  #inputSolicitation(view: DataView, { protocol, source, payload, end }: Ipv6Packet): boolean {
    if (protocol !== PROTOCOL.icmpv6 || end === payload || view.getUint8(payload) !== ICMPV6.solicitation) return false;
    const { guest6 } = this.#link;
    // The guest's kernel repeats solicitations from its link-local address. The gateway ignores that address otherwise.
    const isGuests = source === guest6 || contains(LINK_LOCAL, source);
    if (end - payload < SOLICITATION_BYTES || !isGuests) return true;
    const wanted = readIpv6(view, payload + 8);
    const isAnswered = wanted !== guest6 && wanted !== source && !contains(MULTICAST, wanted);
    if (isAnswered) this.#writer.neighbourAdvertisement(wanted, source);
    return true;
  }

  /** Drops packets with a forged source address, and broadcasts: the link has no other hosts. */
  #inputIpv4(bytes: Uint8Array<ArrayBuffer>, view: DataView, packet: Ipv4Packet): void {
    const { source, destination } = packet;
    if (!this.#isOwn(source) || destination === BROADCAST || this.#isOwn(destination)) return;
    const fate = this.#handler.onPacket?.(bytes, view, packet);
    if (fate === "taken") return;
    if (fate !== undefined) this.#refuse(fate, { bytes, packet });
    else if (source === this.#link.guest) this.#inputPacket(bytes, view, packet);
  }

  #isOwn(address: Ipv4): boolean {
    return address === this.#link.guest || this.#link.memberships.includes(address);
  }

  #inputIpv6(bytes: Uint8Array<ArrayBuffer>, view: DataView, packet: Ipv6Packet): void {
    const { guest6 } = this.#link;
    if (packet.source !== guest6 || contains(MULTICAST, packet.destination) || packet.destination === guest6) return;
    this.#inputPacket(bytes, view, packet);
  }

  #inputPacket(bytes: Uint8Array<ArrayBuffer>, view: DataView, packet: IpPacket<IpAddress>): void {
    const icmp = isIpv6(packet.source) ? PROTOCOL.icmpv6 : PROTOCOL.icmp;
    if (packet.protocol === PROTOCOL.tcp) this.#inputTcp(bytes, view, packet);
    else if (packet.protocol === PROTOCOL.udp) this.#inputUdp(bytes, view, packet);
    else if (packet.protocol === icmp) this.#inputIcmp(bytes, view, packet);
    else this.#refuse(UNREACHABLE.protocol, { bytes, packet });
  }

  #inputIcmp(bytes: Uint8Array, view: DataView, packet: IpPacket<IpAddress>): void {
    const { payload, end, destination: remote } = packet;
    const { echoRequest } = isIpv6(remote) ? ICMPV6 : ICMP;
    if (end - payload < 8 || view.getUint8(payload) !== echoRequest) return;
    const message = bytes.subarray(payload, end);
    if (remote === this.#gatewayFor(remote)) return this.#answerPing(remote, message);
    const code = this.#handler.onPing(remote, message);
    if (code !== undefined) this.#refuse(code, { bytes, packet });
  }

  #answerPing(remote: IpAddress, message: Uint8Array): void {
    const guest = isIpv6(remote) ? this.#link.guest6 : this.#link.guest;
    if (this.outbox.hasRoom(message.length)) this.#writer.echoReply({ guest, remote }, message);
  }

  #inputUdp(bytes: Uint8Array, view: DataView, packet: IpPacket<IpAddress>): void {
    const { payload, end, source: guest, destination: remote } = packet;
    if (end - payload < 8) return;
    const length = view.getUint16(payload + 4);
    if (length < 8 || length > end - payload) return;
    const flow = { guest, guestPort: view.getUint16(payload), remote, remotePort: view.getUint16(payload + 2) };
    if (flow.remotePort === 0) return;
    const code = this.#handler.onDatagram(flow, bytes.subarray(payload + 8, payload + length));
    if (code !== undefined) this.#refuse(code, { bytes, packet });
  }

  #inputTcp(bytes: Uint8Array, view: DataView, packet: IpPacket<IpAddress>): void {
    const segment = parseTcp(view, packet.payload, packet.end);
    if (segment === undefined || segment.destinationPort === 0 || segment.sourcePort === 0) return;
    const flow: Flow = {
      guest: packet.source,
      guestPort: segment.sourcePort,
      remote: packet.destination,
      remotePort: segment.destinationPort,
    };
    const connection = this.#connections.get(keyOf(flow));
    const isNew = (segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst | FLAG.fin)) === FLAG.syn;
    if (connection && !(isNew && connection.isFinished)) {
      connection.input(segment, bytes);
      return;
    }
    connection?.drop();
    if (isNew) this.#open(flow, segment, bytes, view, packet);
    else this.#refuseSegment(flow, segment);
  }

  #open(flow: Flow, syn: TcpSegment, bytes: Uint8Array, view: DataView, packet: IpPacket<IpAddress>): void {
    // Drop the SYN: the guest sends it again.
    if (this.#connections.size >= LIMITS.connections || this.#quotes.size >= LIMITS.connecting) return;
    const options = parseTcpOptions(view, syn);
    const connection = new TcpConnection(flow, this, { syn, options, firstSequence: this.#platform.random() });
    const code = this.#handler.onConnect(connection);
    if (code !== undefined) {
      connection.drop();
      return this.#refuse(code, { bytes, packet });
    }
    if (connection.isClosed) return;
    this.#connections.set(keyOf(flow), connection);
    if (!connection.isConnecting) return;
    const { start, payload, end } = packet;
    this.#quotes.set(connection, {
      bytes: bytes.slice(start, Math.min(payload + 8, end)),
      packet: { ...packet, start: 0, payload: payload - start, end: Math.min(payload + 8, end) - start },
    });
  }

  /** Answers a segment that belongs to no connection with a reset. */
  #refuseSegment(flow: Flow, { flags, sequence, acknowledgement, data, end }: TcpSegment): void {
    if (flags & FLAG.rst) return;
    const length = end - data + (flags & FLAG.syn ? 1 : 0) + (flags & FLAG.fin ? 1 : 0);
    this.#writer.tcp(flow, {
      flags: FLAG.rst | FLAG.ack,
      sequence: flags & FLAG.ack ? acknowledgement : 0,
      acknowledgement: (sequence + length) >>> 0,
      window: 0,
    });
  }

  #refuse(code: Unreachable, about: { bytes: Uint8Array; packet: IpPacket<IpAddress> }): void {
    this.#writer.unreachable(code, this.#gatewayFor(about.packet.source), about);
  }

  /** Returns the gateway's address of the same IP version. */
  #gatewayFor(address: IpAddress): IpAddress {
    return isIpv6(address) ? this.#link.gateway6 : this.#link.gateway;
  }
}

function isAt(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  return expected.every((byte, index) => bytes[start + index] === byte);
}

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

/** A frame of the guest's is at least and at most this long, in bytes. libkrun takes none that are longer. */
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

/** What a hostile guest can take of the host's memory is limited by these. */
const LIMITS = {
  /** Connections, those included that are only remembered. */
  connections: 4096,
  /** Connections whose other end is still being connected to. */
  connecting: 512,
  /** What is on its way in all connections. */
  bufferedBytes: 128 * 1024 * 1024,
};

/** The link that a stack is one end of. */
export interface LinkAddresses {
  guest: Ipv4;
  /** The guest's addresses in networks of machines. */
  memberships: readonly Ipv4[];
  gateway: Ipv4;
  guest6: Ipv6;
  gateway6: Ipv6;
  guestMac: Uint8Array;
  gatewayMac: Uint8Array;
  /** Largest packet that fits in a frame, in bytes. */
  mtu: number;
}

/** What is behind the stack. */
export interface StackHandler {
  /**
   * The guest wants to connect. To be accepted or reset, now or later. A code refuses it at once: the guest is told that
   * it is unreachable.
   */
  onConnect(connection: TcpConnection): Unreachable | undefined;
  /** The guest has sent a datagram, whose bytes are overwritten afterwards. A code refuses it. */
  onDatagram(flow: Flow, data: Uint8Array): Unreachable | undefined;
  /**
   * The guest has sent a packet of IPv4 from one of its addresses, whose bytes are overwritten afterwards. `taken`: it was
   * for another machine. A code refuses it. `undefined`: it is the gateway's.
   */
  onPacket?: ((bytes: Uint8Array, view: DataView, packet: Ipv4Packet) => "taken" | Unreachable | undefined) | undefined;
  /** The guest has sent another address than the gateway's an echo request, which is overwritten afterwards. A code refuses it. */
  onPing(remote: IpAddress, message: Uint8Array): Unreachable | undefined;
  /** There is something to be sent: {@linkcode Stack.outbox}. */
  onOutput(): void;
}

/** Platform of a stack; tests have their own. */
export interface StackPlatform {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** An unpredictable number of 32 bits. */
  random(): number;
}

const PLATFORM: StackPlatform = {
  now: () => performance.now(),
  random: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
};

/**
 * The network that a guest sees: every address but its own is the gateway's, which ends all connections itself. Frames in,
 * frames and calls out; it opens no socket. All that comes in is hostile.
 */
export class Stack implements TcpHost {
  readonly outbox = new Outbox(OUTBOX_BYTES);
  readonly budget = new Budget(LIMITS.bufferedBytes);
  readonly #link: LinkAddresses;
  readonly #handler: StackHandler;
  readonly #platform: StackPlatform;
  readonly #writer: PacketWriter;
  readonly #connections = new Map<string, TcpConnection>();
  /** What told of each connection that is not there yet, to be quoted if it is refused. */
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

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /** How many frames the guest ever sent, and how many bytes these had. */
  get totalInput(): { frames: number; bytes: number } {
    return { frames: this.#inputFrames, bytes: this.#inputBytes };
  }

  /** How much the guest has sent that nobody has taken yet. */
  get undeliveredBytes(): number {
    return [...this.#connections.values()].reduce((sum, connection) => sum + connection.peek().length, 0);
  }

  /** Whether {@linkcode tick} is to be called every now and then. */
  get isAwaitingTicks(): boolean {
    return this.#toTick.size > 0;
  }

  /** Takes a frame, which is `length` bytes from `start` on. After those at hand, {@linkcode settle} is to be called. */
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

  /** Acknowledges what came in, once for each connection. */
  settle(): void {
    for (const connection of this.#toAcknowledge) connection.acknowledge();
    this.#toAcknowledge.clear();
    if (!this.outbox.isEmpty) this.#handler.onOutput();
  }

  /** Goes on with what waited for room in the outbox. */
  resume(): void {
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const connection of blocked) connection.output();
    this.settle();
  }

  /** Does what is due. */
  tick(): void {
    for (const connection of this.#toTick) {
      connection.tick();
      if (!connection.isAwaitingTicks) this.#toTick.delete(connection);
    }
    this.settle();
  }

  /** Gives back memory that only waits to be used again. */
  trim(): void {
    for (const connection of this.#connections.values()) connection.trim();
  }

  /** Tells the guest that what a connection was to reach cannot be reached, and forgets the connection. */
  unreachable(connection: TcpConnection, code: Unreachable): void {
    const quote = this.#quotes.get(connection);
    if (quote) {
      this.#refuse(code, quote);
      connection.drop();
    } else connection.reset(); // It was accepted before.
    this.settle();
  }

  /** Sends the guest a datagram, or drops it where there is no room. */
  sendDatagram(flow: Flow, data: Uint8Array): void {
    if (!this.outbox.hasRoom(data.length) || data.length > this.#link.mtu - ipHeaderBytes(flow.remote) - UDP_BYTES) {
      return;
    }
    this.#writer.udp(flow, data);
    this.settle();
  }

  /** Answers an echo request of the guest's with an echo reply, or drops it where there is no room. */
  sendEchoReply(remote: IpAddress, message: Uint8Array): void {
    if (message.length > this.#link.mtu - ipHeaderBytes(remote)) return;
    this.#answerPing(remote, message);
    this.settle();
  }

  /**
   * Sends the guest a packet that is another guest's, or drops it where there is no room. After those at hand,
   * {@linkcode settle} is to be called.
   */
  forward(bytes: Uint8Array, packet: Ipv4Packet): void {
    if (this.outbox.hasRoom(packet.end - packet.start)) this.#writer.forward(bytes, packet);
  }

  // --- for connections

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

  // --- what comes in

  #inputArp(view: DataView, start: number, end: number): void {
    const REQUEST = 1;
    if (end - start < 28 || view.getUint16(start + 6) !== REQUEST || view.getUint16(start + 2) !== ETHERTYPE.ipv4) {
      return;
    }
    const [asker, wanted] = [view.getUint32(start + 14), view.getUint32(start + 24)];
    // A guest that asks whether its own address is in use gets no answer: nobody else has it.
    if (!this.#isOwn(asker) || this.#isOwn(wanted)) return;
    this.#writer.arpReply(wanted, asker);
  }

  /** Takes a guest's question for the link address of another one, which is ARP's of IPv6; false for any other packet. */
  #inputSolicitation(view: DataView, { protocol, source, payload, end }: Ipv6Packet): boolean {
    if (protocol !== PROTOCOL.icmpv6 || end === payload || view.getUint8(payload) !== ICMPV6.solicitation) return false;
    const { guest6 } = this.#link;
    // The guest's kernel asks again from its link-local address, which answers nothing else.
    const isGuests = source === guest6 || contains(LINK_LOCAL, source);
    if (end - payload < SOLICITATION_BYTES || !isGuests) return true;
    const wanted = readIpv6(view, payload + 8);
    const isAnswered = wanted !== guest6 && wanted !== source && !contains(MULTICAST, wanted);
    if (isAnswered) this.#writer.neighbourAdvertisement(wanted, source);
    return true;
  }

  /** Somebody else's address is dropped, and what is for all on a link that has nobody else. */
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
    if (connection && !(isNew && connection.isOver)) {
      connection.input(segment, bytes);
      return;
    }
    connection?.drop();
    if (isNew) this.#open(flow, segment, bytes, view, packet);
    else this.#refuseSegment(flow, segment);
  }

  #open(flow: Flow, syn: TcpSegment, bytes: Uint8Array, view: DataView, packet: IpPacket<IpAddress>): void {
    // The guest tries again.
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

  /** Tells the guest that there is no such connection. */
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

  /** The gateway's address of the same version. */
  #gatewayFor(address: IpAddress): IpAddress {
    return isIpv6(address) ? this.#link.gateway6 : this.#link.gateway;
  }
}

function isAt(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  return expected.every((byte, index) => bytes[start + index] === byte);
}

import { checksumOf, swap } from "./checksum.ts";
import { type IpAddress, ipHeaderBytes, isIpv6 } from "./ip.ts";
import { ETHERNET_BYTES, ETHERTYPE, type IpPacket, PROTOCOL } from "./ip_packet.ts";
import { type Ipv4, IPV4_BYTES, type Ipv4Packet } from "./ipv4.ts";
import { type Ipv6, writeIpv6 } from "./ipv6.ts";
import type { Outbox } from "./outbox.ts";
import type { Ring } from "./ring.ts";
import { TCP_BYTES } from "./tcp_segment.ts";

const UDP_BYTES = 8;
const ICMP_BYTES = 8;
const ARP_BYTES = 28;
const ADVERTISEMENT_BYTES = 32;
const TTL = 64;
/** Neighbor discovery requires this hop limit, which proves that no router forwarded the packet (RFC 4861). */
const NEIGHBOUR_TTL = 255;
const DO_NOT_FRAGMENT = 0x4000;

const ICMP = { echoReply: 0, unreachable: 3 } as const;
const ICMPV6 = { unreachable: 1, malformed: 4, echoReply: 129, advertisement: 136 } as const;

/** Codes of the ICMP message "destination unreachable". */
export const UNREACHABLE = { host: 1, protocol: 2, port: 3, prohibited: 13 } as const;
/** One of these codes. */
export type Unreachable = (typeof UNREACHABLE)[keyof typeof UNREACHABLE];

/** The ICMPv6 equivalents: type, code, and the number after the checksum. */
const UNREACHABLE_IPV6: Record<Unreachable, [type: number, code: number, detail: number]> = {
  [UNREACHABLE.host]: [ICMPV6.unreachable, 3, 0],
  [UNREACHABLE.protocol]: [ICMPV6.malformed, 1, 6], // pointer to the next header field
  [UNREACHABLE.port]: [ICMPV6.unreachable, 4, 0],
  [UNREACHABLE.prohibited]: [ICMPV6.unreachable, 1, 0],
};

/** The two endpoints of a flow: the guest, and the remote endpoint that the gateway represents. */
export interface Flow {
  guest: IpAddress;
  guestPort: number;
  remote: IpAddress;
  remotePort: number;
}

/** Returns a key that is unique for each flow of a guest. */
export function keyOf({ guestPort, remote, remotePort }: Flow): string {
  return `${guestPort}:${isIpv6(remote) ? 6 : 4}:${remote}:${remotePort}`;
}

/** A segment to send. */
export interface OutgoingSegment {
  flags: number;
  sequence: number;
  acknowledgement: number;
  /** As sent, unscaled. */
  window: number;
  /** Only in a SYN. */
  options?: { maxSegment: number; windowScale: number | undefined } | undefined;
  /** Payload: a range of a ring buffer. */
  data?: { ring: Ring; offset: number; count: number } | undefined;
}

/** Writes packets for the guest. Each method drops its packet and returns false if there is no room. */
export class PacketWriter {
  readonly #outbox: Outbox;
  readonly #gatewayMac: Uint8Array;
  readonly #guestMac: Uint8Array;

  constructor(outbox: Outbox, macs: { gateway: Uint8Array; guest: Uint8Array }) {
    this.#outbox = outbox;
    this.#gatewayMac = macs.gateway;
    this.#guestMac = macs.guest;
  }

  tcp(flow: Flow, segment: OutgoingSegment): boolean {
    const { options, data } = segment;
    const optionBytes = options === undefined ? 0 : options.windowScale === undefined ? 4 : 8;
    const headerBytes = TCP_BYTES + optionBytes;
    const length = headerBytes + (data?.count ?? 0);
    const at = this.#beginIp(PROTOCOL.tcp, flow.remote, flow.guest, length);
    if (at === undefined) return false;
    const { view, memory } = this.#outbox;
    view.setUint16(at, flow.remotePort);
    view.setUint16(at + 2, flow.guestPort);
    view.setUint32(at + 4, segment.sequence);
    view.setUint32(at + 8, segment.acknowledgement);
    view.setUint8(at + 12, (headerBytes / 4) << 4);
    view.setUint8(at + 13, segment.flags);
    view.setUint16(at + 14, segment.window);
    view.setUint32(at + 16, 0); // checksum, urgent pointer
    if (options) {
      view.setUint32(at + TCP_BYTES, 0x02040000 | options.maxSegment);
      if (options.windowScale !== undefined) view.setUint32(at + TCP_BYTES + 4, 0x01030300 | options.windowScale);
    }
    if (data) data.ring.copy(data.offset, data.count, memory.bytes, at + headerBytes);
    this.#setChecksum(PROTOCOL.tcp, flow.remote, { at, length, place: at + 16 });
    return true;
  }

  /** @param data of at most 65,507 bytes */
  udp(flow: Flow, data: Uint8Array): boolean {
    const length = UDP_BYTES + data.length;
    const at = this.#beginIp(PROTOCOL.udp, flow.remote, flow.guest, length);
    if (at === undefined) return false;
    const { view, memory } = this.#outbox;
    view.setUint16(at, flow.remotePort);
    view.setUint16(at + 2, flow.guestPort);
    view.setUint16(at + 4, length);
    view.setUint16(at + 6, 0);
    memory.bytes.set(data, at + UDP_BYTES);
    this.#setChecksum(PROTOCOL.udp, flow.remote, { at, length, place: at + 6 });
    return true;
  }

  /**
   * Forwards a packet from another guest. Writes a new IP header without options, and computes the TCP and UDP
   * checksums, which guests leave to their gateway (checksum offload).
   */
  forward(bytes: Uint8Array, { protocol, source, destination, payload, end }: Ipv4Packet): boolean {
    const length = end - payload;
    const checksum = protocol === PROTOCOL.tcp ? 16 : protocol === PROTOCOL.udp ? 6 : undefined;
    if (checksum !== undefined && length < checksum + 2) return false;
    const at = this.#beginIp(protocol, source, destination, length);
    if (at === undefined) return false;
    const { view, memory } = this.#outbox;
    memory.bytes.set(bytes.subarray(payload, end), at);
    if (checksum === undefined) return true;
    view.setUint16(at + checksum, 0);
    this.#setChecksum(protocol, source, { at, length, place: at + checksum });
    return true;
  }

  /** Tells the guest, with `from` as the sender, that the destination of its packet is unreachable. */
  unreachable(code: Unreachable, from: IpAddress, about: { bytes: Uint8Array; packet: IpPacket<IpAddress> }): boolean {
    const { start, payload, end, source } = about.packet;
    const [type, icmpCode, detail] = isIpv6(from) ? UNREACHABLE_IPV6[code] : [ICMP.unreachable, code, 0];
    // Quote the IP header and the first 8 bytes of the payload, which contain the ports.
    const quoted = about.bytes.subarray(start, Math.min(payload + 8, end));
    return this.#icmp(from, source, ICMP_BYTES + quoted.length, (view, at) => {
      view.setUint32(at, (type << 24) | (icmpCode << 16));
      view.setUint32(at + 4, detail);
      this.#outbox.memory.bytes.set(quoted, at + ICMP_BYTES);
    });
  }

  /** Answers an echo request, given its ICMP message. */
  echoReply({ guest, remote }: Pick<Flow, "guest" | "remote">, message: Uint8Array): boolean {
    return this.#icmp(remote, guest, message.length, (view, at) => {
      this.#outbox.memory.bytes.set(message, at);
      view.setUint32(at, (isIpv6(remote) ? ICMPV6 : ICMP).echoReply << 24);
    });
  }

  /** Tells the guest that the gateway's MAC address owns an IPv6 address: the ARP reply of IPv6. */
  neighbourAdvertisement(owned: Ipv6, asker: Ipv6): boolean {
    const write = (view: DataView, at: number) => {
      const [SOLICITED_AND_OVERRIDE, LINK_ADDRESS] = [0x60000000, 2];
      view.setUint32(at, ICMPV6.advertisement << 24);
      view.setUint32(at + 4, SOLICITED_AND_OVERRIDE);
      writeIpv6(view, at + 8, owned);
      view.setUint16(at + 24, (LINK_ADDRESS << 8) | 1); // length in units of 8 bytes
      this.#outbox.memory.bytes.set(this.#gatewayMac, at + 26);
    };
    return this.#icmp(owned, asker, ADVERTISEMENT_BYTES, write, NEIGHBOUR_TTL);
  }

  /** Sends an ICMP message, which `write` writes without its checksum. */
  #icmp(
    from: IpAddress,
    to: IpAddress,
    length: number,
    write: (view: DataView, at: number) => void,
    ttl = TTL,
  ): boolean {
    const protocol = isIpv6(from) ? PROTOCOL.icmpv6 : PROTOCOL.icmp;
    const at = this.#beginIp(protocol, from, to, length, ttl);
    if (at === undefined) return false;
    write(this.#outbox.view, at);
    this.#setChecksum(protocol, from, { at, length, place: at + 2 });
    return true;
  }

  /** Tells the guest that the gateway's MAC address owns an IPv4 address. */
  arpReply(owned: Ipv4, asker: Ipv4): boolean {
    const at = this.#beginFrame(ETHERTYPE.arp, ARP_BYTES);
    if (at === undefined) return false;
    const { view, memory } = this.#outbox;
    const [ETHERNET, REPLY] = [1, 2];
    view.setUint16(at, ETHERNET);
    view.setUint16(at + 2, ETHERTYPE.ipv4);
    view.setUint16(at + 4, 0x0604); // address sizes
    view.setUint16(at + 6, REPLY);
    memory.bytes.set(this.#gatewayMac, at + 8);
    view.setUint32(at + 14, owned);
    memory.bytes.set(this.#guestMac, at + 18);
    view.setUint32(at + 24, asker);
    return true;
  }

  #beginFrame(type: number, payloadBytes: number): number | undefined {
    const at = this.#outbox.begin(ETHERNET_BYTES + payloadBytes);
    if (at === undefined) return undefined;
    const { view, memory } = this.#outbox;
    memory.bytes.set(this.#guestMac, at);
    memory.bytes.set(this.#gatewayMac, at + 6);
    view.setUint16(at + 12, type);
    return at + ETHERNET_BYTES;
  }

  /** Begins a packet, and returns the offset of its payload. */
  #beginIp(
    protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payloadBytes: number,
    ttl = TTL,
  ): number | undefined {
    const header = ipHeaderBytes(source);
    const at = this.#beginFrame(isIpv6(source) ? ETHERTYPE.ipv6 : ETHERTYPE.ipv4, header + payloadBytes);
    if (at === undefined) return undefined;
    const { view, memory } = this.#outbox;
    if (isIpv6(source)) {
      view.setUint32(at, 0x60000000);
      view.setUint16(at + 4, payloadBytes);
      view.setUint8(at + 6, protocol);
      view.setUint8(at + 7, ttl);
      writeIpv6(view, at + 8, source);
      writeIpv6(view, at + 24, destination as Ipv6);
    } else {
      view.setUint16(at, 0x4500);
      view.setUint16(at + 2, IPV4_BYTES + payloadBytes);
      view.setUint16(at + 4, 0);
      view.setUint16(at + 6, DO_NOT_FRAGMENT);
      view.setUint8(at + 8, ttl);
      view.setUint8(at + 9, protocol);
      view.setUint16(at + 10, 0);
      view.setUint32(at + 12, source);
      view.setUint32(at + 16, destination as Ipv4);
      view.setUint16(at + 10, checksumOf(memory.sum(at, IPV4_BYTES)), true);
    }
    return at + header;
  }

  /**
   * Sets the checksum over the payload and the pseudo-header (addresses, protocol, length). ICMP for IPv4 has no
   * pseudo-header.
   *
   * @param address any address of the packet, for its IP version
   */
  #setChecksum(
    protocol: number,
    address: IpAddress,
    { at, length, place }: { at: number; length: number; place: number },
  ): void {
    const { view, memory } = this.#outbox;
    const addressBytes = isIpv6(address) ? 32 : 8;
    const outside = protocol === PROTOCOL.icmp
      ? 0
      : memory.sum(at - addressBytes, addressBytes) + swap(protocol) + swap(length);
    const sum = checksumOf(memory.sum(at, length, outside));
    // In UDP, 0 means no checksum.
    view.setUint16(place, protocol === PROTOCOL.udp ? sum || 0xffff : sum, true);
  }
}

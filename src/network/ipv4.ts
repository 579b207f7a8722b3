import { isIpAddress } from "../host/ip_address.ts";
import type { IpPacket } from "./ip_packet.ts";

/** An IPv4 address as a 32-bit number. */
export type Ipv4 = number;

/** An IPv4 packet in memory. */
export type Ipv4Packet = IpPacket<Ipv4>;

export const IPV4_BYTES = 20;

/**
 * Parses the header of a packet. Returns `undefined` if the packet is malformed or a fragment. Does not verify the
 * checksum, since the packet never left the host.
 */
export function parseIpv4(view: DataView, start: number, end: number): Ipv4Packet | undefined {
  if (end - start < IPV4_BYTES) return undefined;
  const first = view.getUint8(start);
  const headerBytes = (first & 0x0f) * 4;
  const total = view.getUint16(start + 2);
  if (first >> 4 !== 4 || headerBytes < IPV4_BYTES || total < headerBytes || total > end - start) return undefined;
  const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;
  if ((view.getUint16(start + 6) & MORE_FRAGMENTS_OR_OFFSET) !== 0) return undefined;
  return {
    start,
    protocol: view.getUint8(start + 9),
    source: view.getUint32(start + 12),
    destination: view.getUint32(start + 16),
    payload: start + headerBytes,
    end: start + total,
  };
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Parses a dotted decimal address. Returns `undefined` for any other text, including numbers with leading zeros. */
export function parseIpv4Address(text: string): Ipv4 | undefined {
  if (text.includes(":") || !isIpAddress(text)) return undefined;
  return text.split(".").reduce((address, part) => address * 256 + Number(part), 0);
}

import { canonicalAddress, isIpAddress } from "../host/ip_address.ts";
import type { IpPacket } from "./ip_packet.ts";

/** An IPv6 address as a 128-bit number. */
export type Ipv6 = bigint;

/** An IPv6 packet in memory. */
export type Ipv6Packet = IpPacket<Ipv6>;

export const IPV6_BYTES = 40;

/** Extension headers: options, routing, fragment, authentication and others. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 44, 50, 51, 60, 135, 139, 140, 253, 254]);

/** Parses the header of a packet. Returns `undefined` if the packet is malformed or has an extension header. */
export function parseIpv6(view: DataView, start: number, end: number): Ipv6Packet | undefined {
  if (end - start < IPV6_BYTES || view.getUint8(start) >> 4 !== 6) return undefined;
  const payload = start + IPV6_BYTES;
  const length = view.getUint16(start + 4);
  const protocol = view.getUint8(start + 6);
  if (length > end - payload || EXTENSIONS.has(protocol)) return undefined;
  return {
    start,
    protocol,
    source: readIpv6(view, start + 8),
    destination: readIpv6(view, start + 24),
    payload,
    end: payload + length,
  };
}

/** Reads an address of 16 bytes. */
export function readIpv6(view: DataView, at: number): Ipv6 {
  return (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
}

export function writeIpv6(view: DataView, at: number, address: Ipv6): void {
  view.setBigUint64(at, address >> 64n);
  view.setBigUint64(at + 8, address & 0xffff_ffff_ffff_ffffn);
}

/** Formats an address in canonical form: `::1`. */
export function formatIpv6(address: Ipv6): string {
  return canonicalAddress(address.toString(16).padStart(32, "0").match(/.{4}/g)!.join(":"));
}

/** Parses an address. Returns `undefined` for any other text, including an address with a zone (`fe80::1%eth0`). */
export function parseIpv6Address(text: string): Ipv6 | undefined {
  if (!text.includes(":") || !isIpAddress(text)) return undefined;
  const [before = [], after = []] = canonicalAddress(text).split("::").map((half) => half.split(":").filter(Boolean));
  const groups = [...before, ...Array(8 - before.length - after.length).fill("0"), ...after];
  return BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`);
}

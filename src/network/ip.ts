import { formatIpv4, type Ipv4, IPV4_BYTES, parseIpv4Address } from "./ipv4.ts";
import { formatIpv6, type Ipv6, IPV6_BYTES, parseIpv6Address } from "./ipv6.ts";

/** An IPv4 or IPv6 address; the type tells which. */
export type IpAddress = Ipv4 | Ipv6;

export function isIpv6(address: IpAddress): address is Ipv6 {
  return typeof address === "bigint";
}

/** Returns the size of the IP header for packets with such an address, without options, in bytes. */
export function ipHeaderBytes(address: IpAddress): number {
  return isIpv6(address) ? IPV6_BYTES : IPV4_BYTES;
}

/** Converts an IPv4-mapped IPv6 address (`::ffff:0:0/96`) to IPv4. Returns any other address unchanged. */
export function unmapIpv4(address: IpAddress): IpAddress {
  return isIpv6(address) && address >> 32n === 0xffffn ? Number(address & 0xffff_ffffn) : address;
}

export function formatIp(address: IpAddress): string {
  return isIpv6(address) ? formatIpv6(address) : formatIpv4(address);
}

/** Parses an IPv4 or IPv6 address. Returns `undefined` for any other text. */
export function parseIp(text: string): IpAddress | undefined {
  return parseIpv4Address(text) ?? parseIpv6Address(text);
}

import { formatIpv4, type Ipv4, IPV4_BYTES, parseIpv4Address } from "./ipv4.ts";
import { formatIpv6, type Ipv6, IPV6_BYTES, parseIpv6Address } from "./ipv6.ts";

/** An address of either version, which its type tells. */
export type IpAddress = Ipv4 | Ipv6;

export function isIpv6(address: IpAddress): address is Ipv6 {
  return typeof address === "bigint";
}

/** Bytes of the header that a packet for such an address has, without options. */
export function ipHeaderBytes(address: IpAddress): number {
  return isIpv6(address) ? IPV6_BYTES : IPV4_BYTES;
}

/** The IPv4 address that one of IPv6 stands for (`::ffff:0:0/96`); any other address as it is. */
export function withoutMapping(address: IpAddress): IpAddress {
  return isIpv6(address) && address >> 32n === 0xffffn ? Number(address & 0xffff_ffffn) : address;
}

export function formatIp(address: IpAddress): string {
  return isIpv6(address) ? formatIpv6(address) : formatIpv4(address);
}

/** The number of an address of either version; `undefined` for any other text. */
export function parseIp(text: string): IpAddress | undefined {
  return parseIpv4Address(text) ?? parseIpv6Address(text);
}

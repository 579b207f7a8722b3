import { type IpAddress, isIpv6, parseIp } from "./ip.ts";

/** A range of addresses. */
export interface Network {
  base: IpAddress;
  /** Prefix length in bits: 0 to 32 for IPv4, 0 to 128 for IPv6. */
  prefix: number;
}

/**
 * Parses `10.0.0.0/8`, `2001:db8::/32`, or a single address. Returns `undefined` for any other text. Keeps the bits
 * after the prefix.
 */
export function parseNetwork(text: string): Network | undefined {
  const [address, prefix, ...rest] = text.split("/");
  const base = parseIp(address!);
  if (base === undefined || rest.length > 0) return undefined;
  const bits = bitsOf(base);
  if (prefix === undefined) return { base, prefix: bits };
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits ? { base, prefix: Number(prefix) } : undefined;
}

/** Clears the bits of the base after the prefix. */
export function networkOf({ base, prefix }: Network): Network {
  return { base: isIpv6(base) ? base & maskOf6(prefix) : (base & maskOf(prefix)) >>> 0, prefix };
}

export function contains({ base, prefix }: Network, address: IpAddress): boolean {
  if (isIpv6(base)) return isIpv6(address) && ((address ^ base) & maskOf6(prefix)) === 0n;
  return !isIpv6(address) && ((address ^ base) & maskOf(prefix)) === 0;
}

/** Whether one of the networks contains the address. */
export function isIn(networks: readonly Network[], address: IpAddress): boolean {
  return networks.some((network) => contains(network, address));
}

/** Returns the number of bits in such an address. */
function bitsOf(address: IpAddress): number {
  return isIpv6(address) ? 128 : 32;
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

function maskOf6(prefix: number): bigint {
  const rest = 128n - BigInt(prefix);
  return ((1n << 128n) - 1n) >> rest << rest;
}

/** Defers parsing to the first use: the client of `run` loads this module, but mostly needs none of the networks. */
export function networks(...texts: string[]): () => readonly Network[] {
  let parsed: Network[] | undefined;
  return () => parsed ??= texts.map((text) => parseNetwork(text)!);
}

/** Cloud metadata services among the private IPv6 addresses: Amazon, Google, Oracle. */
export const METADATA_IPV6 = ["fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe"];

/** Addresses that no rule can allow: the host itself, link-local, multicast and reserved addresses. */
const CLOSED = networks(
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local, and the metadata service of most clouds
  "168.63.129.16/32", // Azure's metadata service
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved
  // All of IPv6 except global unicast (2000::/3) and private addresses (fc00::/7): loopback, link-local, multicast and
  // reserved addresses, and those that embed an IPv4 address (mapped, compatible, NAT64).
  ...["::/3", "4000::/2", "8000::/2", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/7"],
  // Teredo and 6to4 addresses also embed an IPv4 address.
  ...["2001::/32", "2002::/16"],
  ...METADATA_IPV6,
);
const PRIVATE = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7");
/** Addresses for protocols, documentation and benchmarks: neither public nor private. */
const SPECIAL = networks(
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "2001::/23",
  "2001:db8::/32",
  "3fff::/20",
);

/** Kind of an address, by its range. */
export type AddressKind = "public" | "private" | "special" | "closed";

export function addressKind(address: IpAddress): AddressKind {
  if (isIn(CLOSED(), address)) return "closed";
  if (isIn(PRIVATE(), address)) return "private";
  return isIn(SPECIAL(), address) ? "special" : "public";
}

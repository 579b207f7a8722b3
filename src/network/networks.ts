import { type IpAddress, isIpv6, parseIp } from "./ip.ts";

/** A range of addresses. */
export interface Network {
  base: IpAddress;
  /** How many of its first bits an address has in common with the base, 0 to 32, or to 128. */
  prefix: number;
}

/**
 * Parses `10.0.0.0/8`, `2001:db8::/32`, or an address alone; `undefined` for any other text. Bits behind the prefix are
 * kept.
 */
export function parseNetwork(text: string): Network | undefined {
  const [address, prefix, ...rest] = text.split("/");
  const base = parseIp(address!);
  if (base === undefined || rest.length > 0) return undefined;
  const bits = bitsOf(base);
  if (prefix === undefined) return { base, prefix: bits };
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits ? { base, prefix: Number(prefix) } : undefined;
}

/** The network that an address lies in, by its first bits. */
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

/** How many bits such an address has. */
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

/** Networks that are parsed when they are first asked for: the client of a run loads some and mostly asks for none. */
export function networks(...texts: string[]): () => readonly Network[] {
  let parsed: Network[] | undefined;
  return () => parsed ??= texts.map((text) => parseNetwork(text)!);
}

/** Where the metadata services of clouds are among the private addresses of IPv6: Amazon's, Google's, Oracle's. */
export const METADATA_IPV6 = ["fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe"];

/** What no rule opens: the host itself, what only exists on one link, and reserved addresses. */
const CLOSED = networks(
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local, and the metadata service of most clouds
  "168.63.129.16/32", // the same of Azure
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved
  // All of IPv6 but 2000::/3, from which addresses are given out, and fc00::/7, which is private: the loopback, link-local
  // and multicast addresses, those that stand for one of IPv4 (mapped, compatible, NAT64), and reserved ones.
  ...["::/3", "4000::/2", "8000::/2", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/7"],
  // These carry an address of IPv4 too: Teredo, 6to4.
  ...["2001::/32", "2002::/16"],
  ...METADATA_IPV6,
);
const PRIVATE = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7");
/** For protocols, documentation and measurements: neither public nor anybody's own. */
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

/** What an address is, by its range. */
export type AddressKind = "public" | "private" | "special" | "closed";

export function kindOf(address: IpAddress): AddressKind {
  if (isIn(CLOSED(), address)) return "closed";
  if (isIn(PRIVATE(), address)) return "private";
  return isIn(SPECIAL(), address) ? "special" : "public";
}

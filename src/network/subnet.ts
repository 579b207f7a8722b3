import { GUEST_LINK, isOnLink } from "./guest_link.ts";
import { isIpv6 } from "./ip.ts";
import { formatIpv4, type Ipv4 } from "./ipv4.ts";
import { kindOf, networkOf, parseNetwork } from "./networks.ts";

/** Bits that the addresses of machines of a network have in common. */
export const SUBNET_PREFIX = 24;
/** What is expected of the range of a network. */
export const SUBNET_FORM = "a private network of 24 bits, such as 10.5.0.0/24";

/** The last bytes of the addresses that machines of a network have. */
const [FIRST_MEMBER, LAST_MEMBER] = [2, 254];
/** Where the networks are that nobody chose a range for: 10.127.0.0/16, which few hosts are in. */
const [POOL, POOL_SUBNETS]: [Ipv4, number] = [0x0a7f0000, 256];

/** The first address of a range such as `10.5.0.0/24`; `undefined` for any text that is no {@linkcode SUBNET_FORM}. */
export function parseSubnet(text: string): Ipv4 | undefined {
  const network = parseNetwork(text);
  if (network === undefined || isIpv6(network.base) || network.prefix !== SUBNET_PREFIX) return undefined;
  const { base } = network;
  return networkOf(network).base === base && kindOf(base) === "private" && !isOnLink(base, GUEST_LINK)
    ? base
    : undefined;
}

/** The first range that is not taken, as text; `undefined` when all are. */
export function freeSubnet(taken: readonly string[]): string | undefined {
  const subnets = Array.from({ length: POOL_SUBNETS }, (_, index) => POOL + index * 256);
  return subnets.map((base) => `${formatIpv4(base)}/${SUBNET_PREFIX}`).find((subnet) => !taken.includes(subnet));
}

/** The addresses that the machines of a network have, by the first one of its range. */
export function memberAddresses(base: Ipv4): Ipv4[] {
  return Array.from({ length: LAST_MEMBER - FIRST_MEMBER + 1 }, (_, index) => base + FIRST_MEMBER + index);
}

export function isMemberAddress(address: Ipv4, base: Ipv4): boolean {
  return address >= base + FIRST_MEMBER && address <= base + LAST_MEMBER;
}

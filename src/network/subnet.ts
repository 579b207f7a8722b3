import { GUEST_LINK, isOnLink } from "./guest_link.ts";
import { isIpv6 } from "./ip.ts";
import { formatIpv4, type Ipv4 } from "./ipv4.ts";
import { addressKind, networkOf, parseNetwork } from "./networks.ts";

/** Prefix length of a network of machines. */
export const SUBNET_PREFIX = 24;
/** The expected form of a subnet, for error messages. */
export const SUBNET_FORM = "a private /24 network, such as 10.5.0.0/24";

/** Last byte of the first and the last address for machines. */
const [FIRST_MEMBER, LAST_MEMBER] = [2, 254];
/** Default subnets come from 10.127.0.0/16, which few hosts use. */
const [POOL, POOL_SUBNETS]: [Ipv4, number] = [0x0a7f0000, 256];

/** Parses a subnet to its base address. Returns `undefined` if the text is not {@linkcode SUBNET_FORM}. */
export function parseSubnet(text: string): Ipv4 | undefined {
  const network = parseNetwork(text);
  if (network === undefined || isIpv6(network.base) || network.prefix !== SUBNET_PREFIX) return undefined;
  const { base } = network;
  return networkOf(network).base === base && addressKind(base) === "private" && !isOnLink(base, GUEST_LINK)
    ? base
    : undefined;
}

/** Returns the first free default subnet as text, or `undefined` if all are taken. */
export function freeSubnet(taken: readonly string[]): string | undefined {
  const subnets = Array.from({ length: POOL_SUBNETS }, (_, index) => POOL + index * 256);
  return subnets.map((base) => `${formatIpv4(base)}/${SUBNET_PREFIX}`).find((subnet) => !taken.includes(subnet));
}

/** Returns the addresses for machines in the subnet with that base address. */
export function memberAddresses(base: Ipv4): Ipv4[] {
  return Array.from({ length: LAST_MEMBER - FIRST_MEMBER + 1 }, (_, index) => base + FIRST_MEMBER + index);
}

export function isMemberAddress(address: Ipv4, base: Ipv4): boolean {
  return address >= base + FIRST_MEMBER && address <= base + LAST_MEMBER;
}

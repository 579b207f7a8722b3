import type { Ipv4 } from "./ipv4.ts";
import type { LinkAddresses } from "./stack.ts";

/** Bits that the addresses of both ends have in common, of either version. */
export const LINK_PREFIX = 24;
export const LINK_PREFIX6 = 64;

/**
 * The two ends of a guest's link. They are the same for all that are in no network of machines: no guest sees another's.
 * What else lies in that range is reached all the same, since the gateway answers for every address.
 */
export const GUEST_LINK: LinkAddresses = {
  gateway: 0xc0a87f01, // 192.168.127.1
  guest: 0xc0a87f02, // 192.168.127.2
  // A network of its own among the private addresses, with "smolvm" in it.
  gateway6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0001n,
  guest6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0002n,
  // Locally administered.
  gatewayMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x01]),
  guestMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x02]),
  // With its frame's header the most that libkrun takes.
  mtu: 65_520,
};

/** The last bytes of the addresses that machines of one network have; the first one is the gateway's. */
const [FIRST_MEMBER, LAST_MEMBER] = [2, 254];
/** Where that range begins. */
export const MEMBERS_BASE = (GUEST_LINK.gateway & 0xffffff00) >>> 0;

/** The addresses that machines of one network have. All networks have the same: no machine is in two. */
export const MEMBER_ADDRESSES: readonly Ipv4[] = Array.from(
  { length: LAST_MEMBER - FIRST_MEMBER + 1 },
  (_, index) => MEMBERS_BASE + FIRST_MEMBER + index,
);

/** Whether an address lies in the range of a guest's own link. */
export function isOnLink(address: Ipv4): boolean {
  return (address & 0xffffff00) >>> 0 === MEMBERS_BASE;
}

export function isMemberAddress(address: Ipv4): boolean {
  return address >= MEMBERS_BASE + FIRST_MEMBER && address <= MEMBERS_BASE + LAST_MEMBER;
}

/** The link of a guest with that address. Networks of machines are of IPv4 alone: all guests have the same one of IPv6. */
export function linkOf(guest: Ipv4): LinkAddresses {
  return { ...GUEST_LINK, guest };
}

import type { Ipv4 } from "./ipv4.ts";
import type { LinkAddresses } from "./stack.ts";

/** Bits that the addresses of both ends have in common, of either version. */
export const LINK_PREFIX = 24;
export const LINK_PREFIX6 = 64;

/**
 * The two ends of a guest's link. They are the same for all: no guest sees another's. What else lies in that range is
 * reached all the same, since the gateway answers for every address.
 */
export const GUEST_LINK: LinkAddresses = {
  gateway: 0xc0a87f01, // 192.168.127.1
  guest: 0xc0a87f02, // 192.168.127.2
  memberships: [],
  // A network of its own among the private addresses, with "smolvm" in it.
  gateway6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0001n,
  guest6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0002n,
  // Locally administered.
  gatewayMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x01]),
  guestMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x02]),
  // With its frame's header the most that libkrun takes.
  mtu: 65_520,
};

/** Whether an address lies in a range that the guest has an address in: that of its link, or one of its networks'. */
export function isOnLink(address: Ipv4, { guest, memberships }: Pick<LinkAddresses, "guest" | "memberships">): boolean {
  return [guest, ...memberships].some((own) => own >>> 8 === address >>> 8);
}

import type { Ipv4 } from "./ipv4.ts";
import type { LinkAddresses } from "./stack.ts";

/** Prefix lengths of the link, for IPv4 and IPv6. */
export const LINK_PREFIX = 24;
export const LINK_PREFIX6 = 64;

/**
 * The addresses on a guest's link. All guests use the same, since no guest sees another guest's link. Other hosts in
 * the same range stay reachable, since the gateway answers for every address.
 */
export const GUEST_LINK: LinkAddresses = {
  gateway: 0xc0a87f01, // 192.168.127.1
  guest: 0xc0a87f02, // 192.168.127.2
  memberships: [],
  // A unique local prefix (RFC 4193) that contains "smolvm" in ASCII.
  gateway6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0001n,
  guest6: 0xfd73_6d6f_6c76_6d00_0000_0000_0000_0002n,
  // Locally administered.
  gatewayMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x01]),
  guestMac: new Uint8Array([0x02, 0x73, 0x6d, 0x6f, 0x6c, 0x02]),
  // With the Ethernet header, this is the longest frame that libkrun accepts.
  mtu: 65_520,
};

/** Whether an address is in the subnet of the guest's link or of one of its networks. */
export function isOnLink(address: Ipv4, { guest, memberships }: Pick<LinkAddresses, "guest" | "memberships">): boolean {
  return [guest, ...memberships].some((own) => own >>> 8 === address >>> 8);
}

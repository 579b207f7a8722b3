export const ETHERNET_BYTES = 14;
export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** A packet of IP in memory, by the places of its parts. */
export interface IpPacket<Address> {
  /** Where its header starts. */
  start: number;
  /** What it carries, one of {@linkcode PROTOCOL} or another one. */
  protocol: number;
  source: Address;
  destination: Address;
  /** Where what it carries starts, and where it ends. */
  payload: number;
  end: number;
}

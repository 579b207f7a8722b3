export const ETHERNET_BYTES = 14;
export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** An IP packet in memory, as offsets of its parts. */
export interface IpPacket<Address> {
  /** Start of the header. */
  start: number;
  /** Protocol number of the payload, for example one of {@linkcode PROTOCOL}. */
  protocol: number;
  source: Address;
  destination: Address;
  /** Start and end of the payload. */
  payload: number;
  end: number;
}

import { PROTOCOL } from "./ip_packet.ts";
import type { Ipv4Packet } from "./ipv4.ts";
import { FLAG, TCP_BYTES } from "./tcp_segment.ts";

/** The protocol and port that a packet for another machine requests. */
export interface MemberRequest {
  protocol: "tcp" | "udp" | "icmp";
  /** Null if the protocol has no ports. */
  port: number | null;
}

const UDP_BYTES = 8;
const ICMP = { echoReply: 0, unreachable: 3, echoRequest: 8 } as const;

/**
 * Returns what a packet for another machine requests, `answer` if the packet opens no flow, or `undefined` if the
 * gateway does not forward such packets. UDP has no connections: each datagram is a request.
 */
export function requestOf(
  view: DataView,
  { protocol, payload, end }: Ipv4Packet,
): MemberRequest | "answer" | undefined {
  const length = end - payload;
  if (protocol === PROTOCOL.tcp && length >= TCP_BYTES) {
    const flags = view.getUint8(payload + 13);
    return (flags & (FLAG.syn | FLAG.ack)) === FLAG.syn
      ? { protocol: "tcp", port: view.getUint16(payload + 2) }
      : "answer";
  }
  if (protocol === PROTOCOL.udp && length >= UDP_BYTES) return { protocol: "udp", port: view.getUint16(payload + 2) };
  if (protocol !== PROTOCOL.icmp || length < 8) return undefined;
  const type = view.getUint8(payload);
  if (type === ICMP.echoRequest) return { protocol: "icmp", port: null };
  // Other types could change how the guest's kernel sends (redirect), or reveal its clock or netmask.
  return type === ICMP.echoReply || type === ICMP.unreachable ? "answer" : undefined;
}

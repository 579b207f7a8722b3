import { type IpAddress, isIpv6, unmapIpv4 } from "./ip.ts";
import { type Ipv6, readIpv6, writeIpv6 } from "./ipv6.ts";
import { readFrames } from "./link.ts";
import { PacketQueue } from "./packet_queue.ts";

const ADDRESS_BYTES = 16;
/** The header of an echo request or reply: type, code, checksum, identifier, sequence number. */
const ECHO_BYTES = 8;
const [IDENTITY_AT, SEQUENCE_AT] = [4, 6];
/** The prefix of IPv4-mapped addresses, `::ffff:0:0/96`. */
const MAPPED: Ipv6 = 0xffff_0000_0000n;
/** Maximum number of unanswered pings. Above it, the oldest are forgotten. */
const MAX_AWAITED = 1024;

/** A ping without an answer yet. */
interface Awaited {
  remote: IpAddress;
  /** The guest's own identifier and sequence number. */
  identity: number;
}

/**
 * Sends a guest's pings. Deno has no ICMP sockets: a `smolvm-jail` process has one for each IP version, and exchanges
 * messages with the gateway over a connection. `src/jail/helper/pings.c` documents the protocol.
 */
export class Pings {
  readonly #conn: Deno.Conn;
  readonly #queue: PacketQueue;
  /** By the sequence number on the host's network, where all pings of an IP version have the same identifier. */
  readonly #awaited = new Map<number, Awaited>();
  #sequence = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#queue = new PacketQueue(conn);
  }

  /** Connects to the ping process at a socket. Returns `undefined` if the host does not allow ping sockets. */
  static async connect(path: string): Promise<Pings | undefined> {
    try {
      return new Pings(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
      throw error;
    }
  }

  /** Sends a copy of the guest's echo request. */
  send(remote: IpAddress, message: Uint8Array): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const frame = new Uint8Array(ADDRESS_BYTES + message.length);
    const view = new DataView(frame.buffer);
    writeIpv6(view, 0, isIpv6(remote) ? remote : MAPPED | BigInt(remote));
    frame.set(message, ADDRESS_BYTES);
    const identity = view.getUint32(ADDRESS_BYTES + IDENTITY_AT);
    view.setUint16(ADDRESS_BYTES + SEQUENCE_AT, this.#sequence);
    this.#awaited.delete(this.#sequence);
    this.#awaited.set(this.#sequence, { remote, identity });
    if (this.#awaited.size > MAX_AWAITED) this.#awaited.delete(this.#awaited.keys().next().value!);
    this.#queue.push(frame);
  }

  /** Delivers each reply, with the guest's identifier and sequence number, until the ping process exits. */
  async receive(deliver: (remote: IpAddress, message: Uint8Array) => void): Promise<void> {
    await readFrames(this.#conn, {
      onFrame: (bytes, view, start, length) => {
        if (length < ADDRESS_BYTES + ECHO_BYTES) return;
        const message = start + ADDRESS_BYTES;
        const sequence = view.getUint16(message + SEQUENCE_AT);
        const awaited = this.#awaited.get(sequence);
        if (awaited === undefined || awaited.remote !== unmapIpv4(readIpv6(view, start))) return;
        this.#awaited.delete(sequence);
        view.setUint32(message + IDENTITY_AT, awaited.identity);
        deliver(awaited.remote, bytes.subarray(message, start + length));
      },
      onPause() {},
    });
  }
}

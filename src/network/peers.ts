import { SmolvmError } from "../errors.ts";
import { serveEach } from "../host/accept.ts";
import { removeIfThere } from "../host/files.ts";
import { startTimer } from "../host/timer.ts";
import { acquireLock } from "../host/lock.ts";
import type { Membership } from "./config.ts";
import { type Ipv4, type Ipv4Packet, parseIpv4 } from "./ipv4.ts";
import { LinkError, readFrames } from "./link.ts";
import { encodeMember, HELLO_MS, type Member, memberSocket, namesOf, parseMember } from "./member.ts";
import { PacketQueue } from "./packet_queue.ts";
import { isMemberAddress, memberAddresses, parseSubnet } from "./subnet.ts";

/** What takes the packets of other machines. */
export interface PeerHandler {
  /** Takes a packet for this machine, whose bytes are overwritten afterwards. */
  onPacket(bytes: Uint8Array, packet: Ipv4Packet): void;
  /** Those at hand are taken. */
  onPause(): void;
}

/** Another machine of the network, and the way to it. */
interface Peer extends Member {
  queue: PacketQueue;
}

/**
 * The other machines of a machine's network: a connection to the gateway of each, which carries packets. A machine that
 * joins connects to all who are there; after that no gateway opens any file.
 */
export class Peers {
  readonly #network: string;
  /** The first address of its range. */
  readonly #base: Ipv4;
  readonly #self: Member;
  readonly #peers = new Map<Ipv4, Peer>();
  #handler: PeerHandler | undefined;

  private constructor(network: string, base: Ipv4, self: Member) {
    this.#network = network;
    this.#base = base;
    this.#self = self;
  }

  /**
   * Takes the first address of the network that is free, for as long as this process lives, and meets those who are there.
   *
   * @throws {SmolvmError} `network` when none is free; `storage`.
   */
  static async join({ folder, network, subnet, name, aliases }: Membership): Promise<Peers> {
    // One after the other: of two who join, the second one meets the first.
    using _ = await acquireLock(`${folder}/.lock`, { exclusive: true, wait: true });
    const taken = new Map<Ipv4, Deno.UnixConn | undefined>();
    const base = parseSubnet(subnet)!;
    const addresses = memberAddresses(base);
    for (const address of addresses) {
      const found = await dial(memberSocket(folder, address));
      if (found) taken.set(address, found.conn);
    }
    const address = addresses.find((address) => !taken.has(address));
    if (address === undefined) {
      throw new SmolvmError("network", `Cannot join the network "${network}": its ${taken.size} addresses are taken`);
    }
    const path = memberSocket(folder, address);
    await removeIfThere(path); // Its gateway was killed.
    const listener = Deno.listen({ transport: "unix", path });
    const peers = new Peers(network, base, { address, name, aliases });
    serveEach(listener, { what: "network", serve: (conn) => peers.#serve(conn, {}) });
    const met = [...taken].map(([address, conn]) =>
      conn && new Promise<void>((onMet) => peers.#serve(conn, { address, onMet }))
    );
    // One that hangs is met when it goes on.
    const late = Promise.withResolvers<void>();
    using _timer = startTimer(HELLO_MS, late.resolve);
    await Promise.race([Promise.all(met), late.promise]);
    return peers;
  }

  /** The address of this machine. */
  get address(): Ipv4 {
    return this.#self.address;
  }

  /** Whether that is the address of a machine of this network, or could be one. */
  covers(address: Ipv4): boolean {
    return isMemberAddress(address, this.#base);
  }

  /** Passes packets on to `handler` from now on; those before are lost. */
  attach(handler: PeerHandler): void {
    this.#handler = handler;
  }

  /** The names of the machine with that address; `undefined` when there is none. */
  namesOf(address: Ipv4): string[] | undefined {
    const peer = this.#peers.get(address);
    return peer && namesOf(peer, this.#network);
  }

  /** The addresses of the machines with that name, which is in lower case; this one's included. */
  addressesOf(name: string): Ipv4[] {
    const members = [this.#self, ...this.#peers.values()];
    return members.filter((member) => namesOf(member, this.#network).includes(name)).map(({ address }) => address);
  }

  /** Sends the machine with that address a packet, which is copied. */
  send(address: Ipv4, packet: Uint8Array): void {
    this.#peers.get(address)?.queue.push(packet);
  }

  /**
   * Serves a connection to its end.
   *
   * @param expected the address of the machine behind it, if it is known
   */
  async #serve(conn: Deno.Conn, { address, onMet }: { address?: Ipv4; onMet?: () => void }): Promise<void> {
    const queue = new PacketQueue(conn);
    queue.push(encodeMember(this.#self));
    let peer: Peer | undefined;
    try {
      await readFrames(conn, {
        onFrame: (bytes, view, start, length) => {
          if (peer) return this.#take(peer, bytes, view, start, start + length);
          peer = this.#meet(parseMember(bytes.subarray(start, start + length)), queue, address);
          onMet?.();
        },
        onPause: () => this.#handler?.onPause(),
      });
    } catch (error) {
      if (
        !(error instanceof LinkError || error instanceof SmolvmError || error instanceof Deno.errors.ConnectionReset)
      ) {
        throw error;
      }
    } finally {
      if (peer) this.#peers.delete(peer.address);
      conn.close();
      onMet?.();
    }
  }

  #meet(member: Member, queue: PacketQueue, expected: Ipv4 | undefined): Peer {
    const { address } = member;
    const isFree = this.covers(address) && address !== this.address && !this.#peers.has(address);
    if (!isFree || expected !== undefined && address !== expected) {
      throw new SmolvmError("network", "A machine of the network has the address of another one");
    }
    const peer = { ...member, queue };
    this.#peers.set(address, peer);
    return peer;
  }

  /** Takes what is from that machine and for this one; what else it sends is dropped. */
  #take(peer: Peer, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const packet = parseIpv4(view, start, end);
    if (packet === undefined || packet.source !== peer.address || packet.destination !== this.address) return;
    this.#handler?.onPacket(bytes, packet);
  }
}

/** Connects to a gateway; `undefined` when none listens there. Without a connection for one that takes none for now. */
async function dial(path: string): Promise<{ conn: Deno.UnixConn | undefined } | undefined> {
  try {
    return { conn: await Deno.connect({ transport: "unix", path }) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) throw error;
    return { conn: undefined };
  }
}

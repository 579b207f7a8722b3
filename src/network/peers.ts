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

/** Receives the packets of other machines. */
export interface PeerHandler {
  /** Receives a packet for this machine. `bytes` is valid only during the call. */
  onPacket(bytes: Uint8Array, packet: Ipv4Packet): void;
  /** Called after the packets of each read. */
  onPause(): void;
}

/** Another machine of the network, with the queue to its gateway. */
interface Peer extends Member {
  queue: PacketQueue;
}

/**
 * The other machines of one network: this gateway has a connection to the gateway of each, which carries packets. A
 * gateway that joins connects to all existing gateways. After that, no gateway opens any file.
 */
export class Peers {
  readonly #network: string;
  /** The base address of the subnet. */
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
   * Takes the first free address of the network until this process exits, and connects to the existing gateways.
   *
   * @throws {SmolvmError} `network` when no address is free; `storage`.
   */
  static async join({ folder, network, subnet, name, aliases }: Membership): Promise<Peers> {
    // The lock makes joins sequential, so that the second of two gateways finds the first.
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
    await removeIfThere(path); // A gateway that was killed left it.
    const listener = Deno.listen({ transport: "unix", path });
    const peers = new Peers(network, base, { address, name, aliases });
    serveEach(listener, { what: "network", serve: (conn) => peers.#serve(conn, {}) });
    const met = [...taken].map(([address, conn]) =>
      conn && new Promise<void>((onMet) => peers.#serve(conn, { address, onMet }))
    );
    // Do not wait longer for a gateway that hangs: it becomes a peer when it answers.
    const late = Promise.withResolvers<void>();
    using _timer = startTimer(HELLO_MS, late.resolve);
    await Promise.race([Promise.all(met), late.promise]);
    return peers;
  }

  /** The address of this machine. */
  get address(): Ipv4 {
    return this.#self.address;
  }

  /** Whether the address belongs to this network's machines, used or not. */
  covers(address: Ipv4): boolean {
    return isMemberAddress(address, this.#base);
  }

  /** Passes packets to `handler` from now on. Earlier packets are lost. */
  attach(handler: PeerHandler): void {
    this.#handler = handler;
  }

  /** Returns the names of the machine with that address, or `undefined` if there is none. */
  namesOf(address: Ipv4): string[] | undefined {
    const peer = this.#peers.get(address);
    return peer && namesOf(peer, this.#network);
  }

  /** Returns the addresses of all machines with that name, including this one. The name must be in lower case. */
  addressesOf(name: string): Ipv4[] {
    const members = [this.#self, ...this.#peers.values()];
    return members.filter((member) => namesOf(member, this.#network).includes(name)).map(({ address }) => address);
  }

  /** Sends a copy of a packet to the machine with that address. */
  send(address: Ipv4, packet: Uint8Array): void {
    this.#peers.get(address)?.queue.push(packet);
  }

  /**
   * Serves a connection until it closes.
   *
   * @param address the address of the machine on the other side, if it is known
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
      throw new SmolvmError("network", "A machine of the network uses another machine's address");
    }
    const peer = { ...member, queue };
    this.#peers.set(address, peer);
    return peer;
  }

  /** Accepts packets from that machine's address to this machine's address, and drops all others. */
  #take(peer: Peer, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const packet = parseIpv4(view, start, end);
    if (packet === undefined || packet.source !== peer.address || packet.destination !== this.address) return;
    this.#handler?.onPacket(bytes, packet);
  }
}

/** Connects to a gateway. Returns `undefined` if none listens, and no `conn` if it accepts no connection right now. */
async function dial(path: string): Promise<{ conn: Deno.UnixConn | undefined } | undefined> {
  try {
    return { conn: await Deno.connect({ transport: "unix", path }) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
    if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) throw error;
    return { conn: undefined };
  }
}

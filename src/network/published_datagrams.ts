import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { DatagramSocket, type Endpoint } from "./datagram_socket.ts";
import { isOnLink } from "./guest_link.ts";
import { isIpv6, parseIp, withoutMapping } from "./ip.ts";
import type { Ipv4 } from "./ipv4.ts";
import { kindOf } from "./networks.ts";
import { type Flow, keyOf } from "./packets.ts";
import type { LinkAddresses } from "./stack.ts";

/** As many clients of a port are known at once; who was heard from longest ago goes first. */
const MAX_CLIENTS = 256;
const IDLE_MS = 120_000;
const DNS_PORT = 53;
/** Where ports are that stand for clients whose own address the guest cannot be told. */
const [FIRST_PORT, LAST_PORT] = [1024, 65_535];

/** A UDP port of the guest that is published on one of the host. */
export interface PublishedDatagramPort {
  /** IP address of the host. */
  address: string;
  hostPort: number;
  guestPort: number;
}

/** The guest's link, as far as it matters here. */
type Link = Pick<LinkAddresses, "guest" | "gateway" | "memberships">;

/** A published port that is listened at. */
interface Server {
  socket: DatagramSocket;
  guestPort: number;
  /** By where they send from, the least recently heard from first. */
  clients: Map<string, Client>;
}

/** A sender to a published port. */
interface Client {
  server: Server;
  address: Endpoint;
  /** As the guest sees it. */
  flow: Flow;
  lastHeard: number;
}

/** Brings the guest what is sent to its published UDP ports, and its answers to those who have sent it something. */
export class PublishedDatagrams implements Disposable {
  readonly #servers: Server[] = [];
  /** By the ends that the guest sees. */
  readonly #clients = new Map<string, Client>();
  #nextPort = FIRST_PORT;

  private constructor() {}

  /**
   * Listens at once; what comes before {@linkcode attach} waits.
   *
   * @throws {SmolvmError} `port`.
   */
  static listen(ports: readonly PublishedDatagramPort[]): PublishedDatagrams {
    const published = new PublishedDatagrams();
    for (const { address: hostname, hostPort: port, guestPort } of ports) {
      try {
        const socket = new DatagramSocket({ hostname, port });
        published.#servers.push({ socket, guestPort, clients: new Map() });
      } catch (error) {
        throw new SmolvmError("port", `Cannot publish UDP port ${port} of ${hostname}: ${osReason(error)}`, {
          cause: error,
        });
      }
    }
    return published;
  }

  /** Passes on what comes to the guest of that link from now on. */
  attach(link: Link, deliver: (flow: Flow, data: Uint8Array) => void): void {
    for (const server of this.#servers) this.#receive(server, link, deliver);
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#servers) socket[Symbol.dispose]();
  }

  /** Whether a datagram with these ends answers somebody who has sent to that port. */
  hasClient(flow: Flow): boolean {
    return this.#clients.has(keyOf(flow));
  }

  /** Sends a datagram of the guest's to the client whom it answers. The data is copied. */
  answer(flow: Flow, data: Uint8Array): void {
    const client = this.#clients.get(keyOf(flow));
    client?.server.socket.send(data, client.address);
  }

  /** Forgets who has sent nothing for a while. */
  sweep(): void {
    const now = performance.now();
    for (const client of this.#clients.values()) {
      if (now - client.lastHeard > IDLE_MS) this.#forget(client);
    }
  }

  async #receive(
    server: Server,
    link: Link,
    deliver: (flow: Flow, data: Uint8Array) => void,
  ): Promise<void> {
    for await (const [data, from] of server.socket.received()) {
      deliver(this.#clientAt(server, from, link).flow, data);
    }
  }

  #clientAt(server: Server, address: Endpoint, link: Link): Client {
    const { clients } = server;
    const key = `${address.port} ${address.hostname}`;
    let client = clients.get(key);
    if (client === undefined) {
      if (clients.size >= MAX_CLIENTS) this.#forget(clients.values().next().value!);
      client = { server, address, flow: this.#newFlow(server, address, link), lastHeard: 0 };
      this.#clients.set(keyOf(client.flow), client);
    } else clients.delete(key);
    clients.set(key, client);
    client.lastHeard = performance.now();
    return client;
  }

  /**
   * How the guest sees somebody new: by the own address and port where it can. One of version 6, and one that means the
   * guest's own link there, is the gateway's; a second socket's client of the same ends has another port.
   */
  #newFlow(
    { guestPort }: Server,
    { hostname, port }: Endpoint,
    link: Link,
  ): Flow {
    const { guest, gateway } = link;
    const address = ipv4Of(hostname);
    const remote = address === undefined || kindOf(address) === "closed" || isOnLink(address, link) ? gateway : address;
    const flow = { guest, guestPort, remote, remotePort: port };
    // There is the guest's name server.
    const isFree = !(remote === gateway && port === DNS_PORT) && !this.#clients.has(keyOf(flow));
    return isFree ? flow : this.#flowByGateway(guest, guestPort, gateway);
  }

  /** There are always some: all ports together have fewer clients than the gateway has ports. */
  #flowByGateway(guest: Ipv4, guestPort: number, gateway: Ipv4): Flow {
    while (true) {
      const flow = { guest, guestPort, remote: gateway, remotePort: this.#nextPort };
      this.#nextPort = this.#nextPort === LAST_PORT ? FIRST_PORT : this.#nextPort + 1;
      if (!this.#clients.has(keyOf(flow))) return flow;
    }
  }

  #forget(client: Client): void {
    const { address, server, flow } = client;
    server.clients.delete(`${address.port} ${address.hostname}`);
    this.#clients.delete(keyOf(flow));
  }
}

/** Also of one that a socket of version 6 has written as its own. */
function ipv4Of(hostname: string): Ipv4 | undefined {
  const address = parseIp(hostname);
  const plain = address === undefined ? undefined : withoutMapping(address);
  return plain === undefined || isIpv6(plain) ? undefined : plain;
}

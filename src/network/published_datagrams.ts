import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { DatagramSocket, type Endpoint } from "./datagram_socket.ts";
import { isOnLink } from "./guest_link.ts";
import { isIpv6, parseIp, unmapIpv4 } from "./ip.ts";
import type { Ipv4 } from "./ipv4.ts";
import { addressKind } from "./networks.ts";
import { type Flow, keyOf } from "./packets.ts";
import type { LinkAddresses } from "./stack.ts";

/** Maximum number of clients of each port. Above it, the least recently active client is forgotten. */
const MAX_CLIENTS = 256;
const IDLE_MS = 120_000;
const DNS_PORT = 53;
/** Range of the gateway's ports that represent clients whose own address cannot be used on the guest's link. */
const [FIRST_PORT, LAST_PORT] = [1024, 65_535];

/** A UDP port of the guest that is published on a port of the host. */
export interface PublishedDatagramPort {
  /** IP address of the host. */
  address: string;
  hostPort: number;
  guestPort: number;
}

/** The relevant addresses of the guest's link. */
type Link = Pick<LinkAddresses, "guest" | "gateway" | "memberships">;

/** A published port with its socket. */
interface Server {
  socket: DatagramSocket;
  guestPort: number;
  /** By source port and address, the least recently active client first. */
  clients: Map<string, Client>;
}

/** A sender to a published port. */
interface Client {
  server: Server;
  address: Endpoint;
  /** The flow as the guest sees it. */
  flow: Flow;
  lastHeard: number;
}

/** Forwards datagrams to the guest's published UDP ports, and the guest's answers to the clients. */
export class PublishedDatagrams implements Disposable {
  readonly #servers: Server[] = [];
  /** By the key of the flow that the guest sees. */
  readonly #clients = new Map<string, Client>();
  #nextPort = FIRST_PORT;

  private constructor() {}

  /**
   * Listens at once. Datagrams wait in the sockets until {@linkcode attach}.
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

  /** Starts to forward datagrams to the guest of a link. */
  attach(link: Link, deliver: (flow: Flow, data: Uint8Array) => void): void {
    for (const server of this.#servers) this.#receive(server, link, deliver);
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#servers) socket[Symbol.dispose]();
  }

  /** Whether a datagram of this flow is an answer to a client of a published port. */
  hasClient(flow: Flow): boolean {
    return this.#clients.has(keyOf(flow));
  }

  /** Sends a copy of the guest's datagram to the client that it answers. */
  answer(flow: Flow, data: Uint8Array): void {
    const client = this.#clients.get(keyOf(flow));
    client?.server.socket.send(data, client.address);
  }

  /** Forgets idle clients. */
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
   * Returns the flow by which the guest sees a new client: with the client's own address and port if possible. The
   * gateway's address replaces IPv6 addresses, reserved addresses, and addresses that are on-link for the guest. If the
   * flow is then in use, the client appears at another port of the gateway.
   */
  #newFlow(
    { guestPort }: Server,
    { hostname, port }: Endpoint,
    link: Link,
  ): Flow {
    const { guest, gateway } = link;
    const address = ipv4Of(hostname);
    const remote = address === undefined || addressKind(address) === "closed" || isOnLink(address, link)
      ? gateway
      : address;
    const flow = { guest, guestPort, remote, remotePort: port };
    // The gateway's DNS port is the guest's name server.
    const isFree = !(remote === gateway && port === DNS_PORT) && !this.#clients.has(keyOf(flow));
    return isFree ? flow : this.#flowByGateway(guest, guestPort, gateway);
  }

  /** Finds a free port. There always is one: the gateway has more ports than all published ports have clients. */
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

/** Parses an IPv4 address. Also accepts an IPv4-mapped IPv6 address, as IPv6 sockets report it. */
function ipv4Of(hostname: string): Ipv4 | undefined {
  const address = parseIp(hostname);
  const plain = address === undefined ? undefined : unmapIpv4(address);
  return plain === undefined || isIpv6(plain) ? undefined : plain;
}

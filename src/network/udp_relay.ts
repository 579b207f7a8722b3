import { DatagramSocket, type Endpoint } from "./datagram_socket.ts";
import { formatIp, type IpAddress, parseIp } from "./ip.ts";
import type { Flow } from "./packets.ts";

/** Maximum number of guest ports with a host socket. Above it, the least recently used port is closed. */
const MAX_SOCKETS = 256;
/** Maximum number of server ports among these. They are never closed for being idle. */
const MAX_SERVERS = 128;
/** Maximum number of remote endpoints for each guest port. */
const MAX_REMOTES = 256;
const IDLE_MS = 120_000;

/** A port of the guest. */
interface GuestPort {
  socket: DatagramSocket;
  /** Known flows, by the remote `ADDRESS:PORT` as the host sees it. Only a server port also receives from others. */
  flows: Map<string, Flow>;
  /** Infinite for a server. */
  lastUsed: number;
}

/** The addresses of a guest's link for one IP version, and the host's wildcard address. */
interface Ends {
  guest: IpAddress;
  gateway: IpAddress;
  hostname: "0.0.0.0" | "::";
}

/**
 * Relays the guest's datagrams of one IP version. Each of the guest's ports has a host socket, and receives only from
 * the endpoints that it has sent to.
 */
export class UdpRelay {
  readonly #ports = new Map<number, GuestPort>();
  readonly #ends: Ends;
  readonly #deliver: (flow: Flow, data: Uint8Array) => void;
  #servers: ReadonlySet<number> = new Set();

  constructor(ends: Ends, deliver: (flow: Flow, data: Uint8Array) => void) {
    this.#ends = ends;
    this.#deliver = deliver;
  }

  /** Forwards datagrams from any client at these host ports to the servers at the same ports of the guest. */
  serve(wanted: ReadonlySet<number>): void {
    const ports = new Set([...wanted].slice(0, MAX_SERVERS));
    const former = this.#servers;
    this.#servers = ports;
    for (const guestPort of former) {
      const port = this.#ports.get(guestPort);
      if (port && !ports.has(guestPort)) this.#close(guestPort, port);
    }
    for (const guestPort of ports) {
      const port = this.#ports.get(guestPort);
      if (port && isServer(port)) continue;
      // The port sent datagrams before it was known to be a server's.
      if (port) this.#close(guestPort, port);
      this.#tryToOpen(guestPort);
    }
  }

  /** Whether a datagram is a server's answer to a client. */
  isAnswer({ guestPort }: Flow, to: Endpoint): boolean {
    const port = this.#ports.get(guestPort);
    return port !== undefined && isServer(port) && port.flows.has(keyOf(to));
  }

  /** Forwards a copy of a guest's datagram. */
  send(flow: Flow, data: Uint8Array, to: Endpoint): void {
    const port = this.#ports.get(flow.guestPort) ?? this.#tryToOpen(flow.guestPort);
    if (port === undefined) return;
    touch(port);
    if (port.socket.send(data, to)) remember(port, keyOf(to), flow);
  }

  /** Closes idle ports. */
  sweep(): void {
    const now = performance.now();
    for (const [guestPort, port] of this.#ports) {
      if (now - port.lastUsed > IDLE_MS) this.#close(guestPort, port);
    }
  }

  /** Returns `undefined` if the host cannot open another socket. The datagram is then lost. */
  #tryToOpen(guestPort: number): GuestPort | undefined {
    try {
      return this.#open(guestPort);
    } catch {
      return undefined;
    }
  }

  #open(guestPort: number): GuestPort {
    if (this.#ports.size >= MAX_SOCKETS) {
      const clients = [...this.#ports].filter(([, port]) => !isServer(port));
      const [oldest] = clients.sort(([, a], [, b]) => a.lastUsed - b.lastUsed);
      this.#close(...oldest!);
    }
    const server = this.#servers.has(guestPort) ? this.#listenAt(guestPort) : undefined;
    const port = { socket: server ?? this.#listen(0), flows: new Map(), lastUsed: server ? Infinity : 0 };
    this.#ports.set(guestPort, port);
    this.#receive(guestPort, port);
    return port;
  }

  async #receive(guestPort: number, port: GuestPort): Promise<void> {
    for await (const [data, from] of port.socket.received()) {
      const key = keyOf(from);
      const flow = port.flows.get(key) ?? (isServer(port) ? this.#flowOf(guestPort, from) : undefined);
      if (flow === undefined) continue;
      touch(port);
      remember(port, key, flow);
      this.#deliver(flow, data);
    }
    this.#close(guestPort, port);
  }

  /** Returns the flow for a new client of a guest's server. The host's loopback appears at the gateway's address. */
  #flowOf(guestPort: number, { hostname, port: remotePort }: Endpoint): Flow | undefined {
    const { guest, gateway } = this.#ends;
    const remote = hostname === "127.0.0.1" ? gateway : parseIp(hostname);
    return remote === undefined ? undefined : { guest, guestPort, remote, remotePort };
  }

  #listen(port: number): DatagramSocket {
    return new DatagramSocket({ hostname: this.#ends.hostname, port });
  }

  /** Returns `undefined` if the port is in use. */
  #listenAt(port: number): DatagramSocket | undefined {
    try {
      return this.#listen(port);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return undefined;
      throw error;
    }
  }

  #close(guestPort: number, port: GuestPort): void {
    if (this.#ports.get(guestPort) === port) this.#ports.delete(guestPort);
    port.socket[Symbol.dispose]();
  }
}

function keyOf({ hostname, port }: Endpoint): string {
  return `${hostname}:${port}`;
}

function isServer({ lastUsed }: GuestPort): boolean {
  return lastUsed === Infinity;
}

function touch(port: GuestPort): void {
  if (!isServer(port)) port.lastUsed = performance.now();
}

function remember({ flows }: GuestPort, key: string, flow: Flow): void {
  flows.delete(key);
  flows.set(key, flow);
  if (flows.size > MAX_REMOTES) flows.delete(flows.keys().next().value!);
}

/** Converts an address and port to an endpoint of the host. */
export function endpointOf(address: IpAddress, port: number): Endpoint {
  return { hostname: formatIp(address), port };
}

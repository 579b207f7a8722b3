import { DatagramSocket, type Endpoint } from "./datagram_socket.ts";
import { formatIp, type IpAddress, parseIp } from "./ip.ts";
import type { Flow } from "./packets.ts";

/** As many ports of the guest have a socket of the host at once; the one that was used longest ago goes first. */
const MAX_SOCKETS = 256;
/** So many of these are servers at most, which stay. */
const MAX_SERVERS = 128;
/** As many others a port of the guest exchanges datagrams with. */
const MAX_REMOTES = 256;
const IDLE_MS = 120_000;

/** A port of the guest. */
interface GuestPort {
  socket: DatagramSocket;
  /** Whom it has to do with, by `ADDRESS:PORT` of the host. Only a server hears others than it has sent to. */
  flows: Map<string, Flow>;
  /** Infinite for a server. */
  lastUsed: number;
}

/** The two ends of a guest's link, of one version of IP, and the host's address at which all is heard. */
interface Ends {
  guest: IpAddress;
  gateway: IpAddress;
  hostname: "0.0.0.0" | "::";
}

/**
 * Carries the guest's datagrams of one version of IP: each of its ports has a socket of the host, and hears those that it
 * has sent to.
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

  /** Gives the servers at these ports of the guest what any client sends to the same port of the host. */
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
      // One that has sent before it was known for a server.
      if (port) this.#close(guestPort, port);
      this.#tryToOpen(guestPort);
    }
  }

  /** Whether a server of the guest's answers with a datagram. */
  isAnswer({ guestPort }: Flow, to: Endpoint): boolean {
    const port = this.#ports.get(guestPort);
    return port !== undefined && isServer(port) && port.flows.has(keyOf(to));
  }

  /** Sends a datagram of the guest's on. The data is copied. */
  send(flow: Flow, data: Uint8Array, to: Endpoint): void {
    const port = this.#ports.get(flow.guestPort) ?? this.#tryToOpen(flow.guestPort);
    if (port === undefined) return;
    touch(port);
    if (port.socket.send(data, to)) remember(port, keyOf(to), flow);
  }

  /** Closes what has not been used for a while. */
  sweep(): void {
    const now = performance.now();
    for (const [guestPort, port] of this.#ports) {
      if (now - port.lastUsed > IDLE_MS) this.#close(guestPort, port);
    }
  }

  /** Without a socket, for which the host may have no more room, what is to be sent is lost. */
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

  /** How a server of the guest's sees somebody new. The host's loopback is at the gateway's address. */
  #flowOf(guestPort: number, { hostname, port: remotePort }: Endpoint): Flow | undefined {
    const { guest, gateway } = this.#ends;
    const remote = hostname === "127.0.0.1" ? gateway : parseIp(hostname);
    return remote === undefined ? undefined : { guest, guestPort, remote, remotePort };
  }

  #listen(port: number): DatagramSocket {
    return new DatagramSocket({ hostname: this.#ends.hostname, port });
  }

  /** `undefined` when somebody else has the port. */
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

/** The host's own name for an address. */
export function endpointOf(address: IpAddress, port: number): Endpoint {
  return { hostname: formatIp(address), port };
}

import { sleep } from "../host/sleep.ts";
import { startInterval } from "../host/timer.ts";
import type { NetworkLimits } from "./config.ts";
import type { Endpoint } from "./datagram_socket.ts";
import { askByTcp, askByUdp, DNS_PORT, DnsForwarder, supportsDatagrams, truncateToFit } from "./dns_forwarder.ts";
import { Denials } from "./denials.ts";
import { DnsSocket } from "./dns_socket.ts";
import type { NetworkCounters, NetworkDenial, Refusal } from "./events.ts";
import { readServerName } from "./read_server_name.ts";
import { formatIp, type IpAddress, isIpv6 } from "./ip.ts";
import type { Ipv4Packet } from "./ipv4.ts";
import { LinkWriter, runLink } from "./link.ts";
import type { LinkStream } from "./link.ts";
import { requestOf } from "./member_packet.ts";
import { HostAddresses } from "./host_addresses.ts";
import { type Flow, UNREACHABLE, type Unreachable } from "./packets.ts";
import type { Peers } from "./peers.ts";
import type { Pings } from "./pings.ts";
import { Pins } from "./pins.ts";
import { type Denied, Policy } from "./policy.ts";
import type { PublishedDatagrams } from "./published_datagrams.ts";
import { type RateLimits, relay } from "./relay.ts";
import type { Rule } from "./rules.ts";
import type { Secrets } from "./secrets.ts";
import { type LinkAddresses, Stack, type StackHandler } from "./stack.ts";
import type { TcpConnection } from "./tcp_connection.ts";
import { TokenBucket } from "./token_bucket.ts";
import { endpointOf, UdpRelay } from "./udp_relay.ts";

const TICK_MS = 100;
const SWEEP_MS = 10_000;
const MAX_DNS_DATAGRAM_BYTES = 4096;
/** How long the gateway waits for the host to read what the guest sent before it stopped. */
const DELIVERY_MS = 3000;
const DELIVERY_POLL_MS = 5;
const HTTPS_PORT = 443;
/** Ports where clients send first and name the server. On others, the server may send first: do not wait for a name. */
const NAMED_PORTS = new Set([80, HTTPS_PORT, 8080, 8443]);
const NO_QUIC = { reason: "QUIC hides the name of its server, which rules or secrets need", rule: null };
const NO_PING = { reason: "the host does not allow ping sockets, see net.ipv4.ping_group_range", rule: null };

/** Options of a gateway. */
export interface GatewayOptions {
  link: LinkAddresses;
  allow: readonly Rule[];
  deny: readonly Rule[];
  /** IP addresses of name servers. */
  nameservers: readonly string[];
  limits: NetworkLimits;
  secrets?: Secrets | undefined;
  /** The guest's published UDP ports. */
  published?: PublishedDatagrams | undefined;
  /** The other machines of each network that the guest is in. */
  peers: readonly Peers[];
  /** Sends the guest's echo requests, if the host allows ping sockets. */
  pings?: Pings | undefined;
  /** Called for every refusal. */
  onDenied: (denial: NetworkDenial) => void;
}

/** Forwards a guest's connections and datagrams to the host's network, as its rules allow, until its link closes. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #stream: LinkStream;
  readonly #stack: Stack;
  readonly #policy: Policy;
  readonly #pins = new Pins();
  readonly #dns: DnsForwarder;
  readonly #udp: UdpRelay;
  readonly #udp6: UdpRelay;
  readonly #own = new HostAddresses();
  readonly #denials: Denials;
  #connections = 0;
  #openConnections = 0;
  readonly #rates: RateLimits;

  constructor(options: GatewayOptions, stream: LinkStream & { close(): void }) {
    this.#options = options;
    this.#stream = stream;
    this.#denials = new Denials(options.onDenied);
    const { allow, deny, link, peers, limits: { bytesPerSecond } } = options;
    const makeBucket = () => bytesPerSecond === null ? undefined : new TokenBucket(bytesPerSecond);
    this.#rates = { toGuest: makeBucket(), toHost: makeBucket() };
    this.#policy = new Policy({ allow, deny, gateways: [link.gateway, link.gateway6], ownAddresses: this.#own });
    this.#dns = new DnsForwarder(options.nameservers, {
      policy: this.#policy,
      pins: this.#pins,
      onDenied: (name, decision) => this.#refuse({ protocol: "dns", names: [name] }, decision),
      mayReach: (address) => this.#own.mayReach(address),
      addressesOf: (name) => peers.flatMap((network) => network.addressesOf(name)),
    });
    const deliver = (flow: Flow, data: Uint8Array) => {
      if (this.#rates.toGuest?.tryTake(data.length) !== false) this.#stack.sendDatagram(flow, data);
    };
    this.#udp = new UdpRelay({ guest: link.guest, gateway: link.gateway, hostname: "0.0.0.0" }, deliver);
    this.#udp6 = new UdpRelay({ guest: link.guest6, gateway: link.gateway6, hostname: "::" }, deliver);
    options.published?.attach(link, deliver);
    const writer = new LinkWriter(stream, () => stream.close());
    this.#stack = new Stack(link, {
      onConnect: (connection) => this.#onConnect(connection),
      onDatagram: (flow, data) => this.#onDatagram(flow, data),
      onPacket: (bytes, view, packet) => this.#onPacket(bytes, view, packet),
      onPing: (remote, message) => this.#onPing(remote, message),
      onOutput: () => writer.flush(this.#stack),
    });
    for (const network of peers) {
      network.attach({
        onPacket: (bytes, packet) => this.#stack.forward(bytes, packet),
        onPause: () => this.#stack.settle(),
      });
    }
  }

  /** Counters of forwarded and refused traffic. */
  get counters(): NetworkCounters {
    const { outbox, totalInput } = this.#stack;
    return {
      receivedBytes: outbox.total.bytes,
      receivedPackets: outbox.total.frames,
      sentBytes: totalInput.bytes,
      sentPackets: totalInput.frames,
      connections: this.#connections,
      openConnections: this.#openConnections,
      denied: this.#denials.total,
    };
  }

  /** @throws {LinkError} when the guest breaks the framing. */
  async run(): Promise<void> {
    using _ticker = startInterval(TICK_MS, () => this.#stack.needsTicks && this.#stack.tick());
    using _sweeper = startInterval(SWEEP_MS, () => {
      this.#stack.trim();
      this.#udp.sweep();
      this.#udp6.sweep();
      this.#options.published?.sweep();
    });
    this.#receivePings();
    await runLink(this.#stream, this.#stack);
  }

  /** Listens on these UDP ports of its own network namespace, and forwards datagrams to the same ports of the guest. */
  serveDatagrams(ports: ReadonlySet<number>): void {
    if (supportsDatagrams()) this.#udp.serve(ports);
  }

  /** Waits until the host has read everything that the guest sent, or the time is up. */
  async deliver(): Promise<void> {
    const deadline = performance.now() + DELIVERY_MS;
    while (this.#stack.undeliveredBytes > 0 && performance.now() < deadline) {
      await sleep(DELIVERY_POLL_MS);
    }
  }

  /** Forwards packets for other machines in the guest's networks. */
  #onPacket(
    bytes: Uint8Array,
    view: DataView,
    packet: Ipv4Packet,
  ): ReturnType<NonNullable<StackHandler["onPacket"]>> {
    const { start, end, source, destination: address } = packet;
    const peers = this.#options.peers.find((network) => network.covers(address));
    if (peers === undefined) return undefined;
    // Drop it: the source is the guest's address in another network.
    if (source !== peers.address) return "taken";
    const names = peers.namesOf(address);
    if (names === undefined) return UNREACHABLE.host;
    const request = requestOf(view, packet);
    if (request === undefined) return UNREACHABLE.protocol;
    if (request !== "answer") {
      const decision = this.#policy.decideMember({ address, port: request.port, names });
      if (!decision.isAllowed) {
        this.#refuse({ ...request, address: formatIp(address), names }, decision);
        return UNREACHABLE.prohibited;
      }
    }
    peers.send(address, bytes.subarray(start, end));
    return "taken";
  }

  #onConnect(connection: TcpConnection): Unreachable | undefined {
    const { flow } = connection;
    const isDns = this.#isDns(flow);
    if (!isDns && !this.#isAllowed(flow, "tcp")) return UNREACHABLE.prohibited;
    const most = this.#options.limits.connections;
    if (most !== null && this.#openConnections >= most) {
      this.#refuseFlow("tcp", flow, { reason: `${most} connections are open`, rule: null });
      return UNREACHABLE.prohibited;
    }
    this.#connections++;
    this.#openConnections++;
    this.#carry(connection, isDns)
      .catch(() => connection.reset()) // An error in one connection must not affect the others.
      .finally(() => this.#openConnections--);
    return undefined;
  }

  async #carry(connection: TcpConnection, isDns: boolean): Promise<void> {
    if (isDns) await relay(this.#stack, connection, new DnsSocket((query) => this.#dns.answer(query, askByTcp)));
    else if (this.#looksInside(connection.flow)) await this.#connectByName(connection);
    else await this.#connect(connection);
  }

  /** Whether the gateway must read the server's name from the guest's data: the address alone does not decide. */
  #looksInside({ remote: address, remotePort: port }: Flow): boolean {
    if (NAMED_PORTS.has(port) && this.#policy.needsName({ address, port })) return true;
    return this.#hasSecrets(address);
  }

  #hasSecrets(address: IpAddress): boolean {
    return this.#options.secrets?.hasAnyFor(this.#pins.namesOf(address)) === true;
  }

  /** Accepts the connection before the server does, to read the server's name from the guest's data. */
  async #connectByName(connection: TcpConnection): Promise<void> {
    const { flow } = connection;
    const { protocol, name } = await readServerName(this.#stack, connection);
    if (connection.isClosed) return;
    const [address, port, names] = [flow.remote, flow.remotePort, name === undefined ? [] : [name]];
    if (protocol !== "other" && NAMED_PORTS.has(port) && this.#policy.needsName({ address, port })) {
      const decision = this.#policy.decide({ address, port, names });
      if (!decision.isAllowed) {
        this.#refuseFlow("tcp", flow, decision, names);
        connection.reset();
        return this.#stack.settle();
      }
    }
    const { secrets } = this.#options;
    if (protocol === "tls" && name !== undefined && secrets?.hasAnyFor([name])) {
      const onRefused = (reason: string) => this.#refuseFlow("tcp", flow, { reason, rule: null }, names);
      const end = await secrets.terminateTls({ name, connect: () => this.#dial(flow), onRefused });
      if (connection.isClosed) return end.close();
      await relay(this.#stack, connection, end, this.#rates);
    } else await this.#connect(connection);
  }

  async #dial(flow: Flow): Promise<Deno.TcpConn> {
    const socket = await Deno.connect(this.#endpointOf(flow));
    socket.setNoDelay();
    socket.setKeepAlive();
    return socket;
  }

  async #connect(connection: TcpConnection): Promise<void> {
    let socket: Deno.TcpConn;
    try {
      socket = await this.#dial(connection.flow);
    } catch (error) {
      // A host that refuses the connection is reachable. All other errors mean that it is unreachable.
      if (!(error instanceof Deno.errors.ConnectionRefused)) {
        return this.#stack.unreachable(connection, UNREACHABLE.host);
      }
      connection.reset();
      return this.#stack.settle();
    }
    if (connection.isClosed) return socket.close();
    await relay(this.#stack, connection, socket, this.#rates);
  }

  #onDatagram(flow: Flow, data: Uint8Array): Unreachable | undefined {
    const { published } = this.#options;
    if (published?.hasClient(flow)) {
      if (this.#rates.toHost?.tryTake(data.length) !== false) published.answer(flow, data);
      return undefined;
    }
    if (this.#isDns(flow)) {
      this.#answerDatagram(flow, data.slice());
      return undefined;
    }
    if (this.#isQuic(flow)) {
      this.#refuseFlow("udp", flow, NO_QUIC, this.#pins.namesOf(flow.remote));
      return UNREACHABLE.prohibited;
    }
    const to = this.#endpointOf(flow);
    const udp = isIpv6(flow.remote) ? this.#udp6 : this.#udp;
    if (!udp.isAnswer(flow, to) && !this.#isAllowed(flow, "udp")) return UNREACHABLE.prohibited;
    if (!supportsDatagrams()) return UNREACHABLE.port;
    // Over the rate limit: drop the datagram, as a slow network does.
    if (this.#rates.toHost?.tryTake(data.length) === false) return undefined;
    udp.send(flow, data, to);
    return undefined;
  }

  #onPing(remote: IpAddress, message: Uint8Array): Unreachable | undefined {
    const { pings } = this.#options;
    const names = this.#pins.namesOf(remote);
    const decision = this.#policy.decide({ address: remote, port: null, names });
    const refusal = !decision.isAllowed ? decision : pings === undefined ? NO_PING : undefined;
    if (refusal) {
      this.#refuse({ protocol: "icmp", address: formatIp(remote), names }, refusal);
      return UNREACHABLE.prohibited;
    }
    if (this.#rates.toHost?.tryTake(message.length) !== false) pings!.send(remote, message);
    return undefined;
  }

  async #receivePings(): Promise<void> {
    try {
      await this.#options.pings?.receive((remote, message) => {
        if (this.#rates.toGuest?.tryTake(message.length) !== false) this.#stack.sendEchoReply(remote, message);
      });
    } catch {
      // The ping process is gone: from now on pings are lost, but everything else works.
    }
  }

  async #answerDatagram(flow: Flow, query: Uint8Array): Promise<void> {
    const answer = await this.#dns.answer(query, askByUdp);
    if (answer) this.#stack.sendDatagram(flow, truncateToFit(query, answer, MAX_DNS_DATAGRAM_BYTES));
  }

  /** QUIC hides the server's name: where rules or secrets need the name, the guest must use TCP. */
  #isQuic({ remote: address, remotePort: port }: Flow): boolean {
    return port === HTTPS_PORT && (this.#policy.needsName({ address, port }) || this.#hasSecrets(address));
  }

  /** Where names matter, the gateway is the only name server: it must know the names of all addresses in use. */
  #isDns({ remote, remotePort }: Flow): boolean {
    return remotePort === DNS_PORT &&
      (this.#policy.isGateway(remote) || this.#policy.hasNames || this.#options.secrets !== undefined);
  }

  /** Maps the gateway's own address to the host's loopback address. */
  #endpointOf({ remote, remotePort }: Flow): Endpoint {
    if (!this.#policy.isGateway(remote)) return endpointOf(remote, remotePort);
    return { hostname: isIpv6(remote) ? "::1" : "127.0.0.1", port: remotePort };
  }

  #isAllowed(flow: Flow, protocol: "tcp" | "udp"): boolean {
    const names = this.#pins.namesOf(flow.remote);
    const decision = this.#policy.decide({ address: flow.remote, port: flow.remotePort, names });
    if (!decision.isAllowed) this.#refuseFlow(protocol, flow, decision, names);
    return decision.isAllowed;
  }

  #refuseFlow(
    protocol: "tcp" | "udp",
    { remote, remotePort: port }: Flow,
    why: Omit<Denied, "isAllowed">,
    names: string[] = [],
  ): void {
    this.#refuse({ protocol, address: formatIp(remote), port, names }, why);
  }

  #refuse(what: Partial<Refusal> & Pick<Refusal, "protocol">, { reason, rule }: Omit<Denied, "isAllowed">): void {
    this.#denials.add({ address: null, port: null, names: [], ...what, reason, rule });
  }
}

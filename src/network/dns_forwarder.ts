import {
  addressAnswer,
  addressesIn,
  emptyAnswer,
  idOf,
  isResponse,
  isTruncated,
  parseQuestion,
  type Question,
  RESPONSE_CODE,
  withId,
} from "./dns_message.ts";
import { canonicalAddress } from "../host/ip_address.ts";
import { writeAll } from "../host/streams.ts";
import { startTimer } from "../host/timer.ts";
import { isIpv6 } from "./ip.ts";
import type { Ipv4 } from "./ipv4.ts";
import type { Ipv6 } from "./ipv6.ts";
import type { Pins } from "./pins.ts";
import type { Denied, Policy } from "./policy.ts";

export const DNS_PORT = 53;
/** How long a name server may take, in ms, and how many times all name servers are tried. */
const [ANSWER_TIMEOUT_MS, ROUNDS] = [2500, 2];
/** Maximum number of pending queries. Further queries are dropped, and the guest repeats them. */
const MAX_PENDING = 256;
const MAX_DATAGRAM_BYTES = 65_535;

/** Sends a query to a name server and returns the answer: over UDP, or over TCP. */
export type Transport = (query: Uint8Array<ArrayBuffer>, server: string) => Promise<Uint8Array>;

/** Forwards the guest's DNS queries to the host's name servers. */
export class DnsForwarder {
  readonly #servers: readonly string[];
  readonly #policy: Policy;
  readonly #pins: Pins;
  readonly #onDenied: (name: string, decision: Denied) => void;
  readonly #addressesOf: (name: string) => readonly Ipv4[];
  readonly #mayReach: (address: Ipv6) => boolean;
  #pending = 0;

  /**
   * @param servers IP addresses
   * @param options `addressesOf` resolves the names of machines in the guest's networks, before any name server is
   * asked; `mayReach` tells whether the host may have a route to an address
   */
  constructor(servers: readonly string[], { policy, pins, onDenied, mayReach, addressesOf = () => [] }: {
    policy: Policy;
    pins: Pins;
    onDenied: (name: string, decision: Denied) => void;
    mayReach: (address: Ipv6) => boolean;
    addressesOf?: ((name: string) => readonly Ipv4[]) | undefined;
  }) {
    this.#servers = servers.map(canonicalAddress);
    this.#policy = policy;
    this.#pins = pins;
    this.#onDenied = onDenied;
    this.#addressesOf = addressesOf;
    this.#mayReach = mayReach;
  }

  /** Answers a guest's query. Returns `undefined` if it is not a query, or if too many queries are pending. */
  async answer(query: Uint8Array, ask: Transport): Promise<Uint8Array | undefined> {
    const question = parseQuestion(query);
    if (question === undefined || isResponse(query) || this.#pending >= MAX_PENDING) return undefined;
    const addresses = this.#addressesOf(question.name);
    if (addresses.length > 0) return addressAnswer(query, question, addresses);
    const decision = this.#policy.decideName(question.name);
    if (!decision.isAllowed) {
      this.#onDenied(question.name, decision);
      return emptyAnswer(query, question, RESPONSE_CODE.noSuchName);
    }
    this.#pending++;
    try {
      return await this.#ask(query, question, ask);
    } finally {
      this.#pending--;
    }
  }

  async #ask(query: Uint8Array, question: Question, ask: Transport): Promise<Uint8Array> {
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of this.#servers) {
        const answer = await this.#askOne(query, question, (message) => ask(message, server));
        if (answer) return answer;
      }
    }
    return emptyAnswer(query, question, RESPONSE_CODE.serverFailure);
  }

  /** Returns the answer of one server with the guest's query ID, or `undefined` if there was no matching answer. */
  async #askOne(
    query: Uint8Array,
    question: Question,
    ask: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    try {
      const answer = await ask(withId(query, id));
      const answered = parseQuestion(answer);
      const isOurs = isResponse(answer) && idOf(answer) === id && answered?.name === question.name &&
        answered.type === question.type && answered.class === question.class;
      if (!isOurs) return undefined;
      const found = addressesIn(answer, answered);
      // The host cannot reach these addresses: an empty answer makes the client use IPv4 without waiting for a timeout.
      const isUnreachable = found.length > 0 &&
        found.every(({ address }) => isIpv6(address) && !this.#mayReach(address));
      if (isUnreachable) return emptyAnswer(query, question, 0);
      for (const { address, seconds } of found) this.#pins.add(address, question.name, seconds);
      return withId(answer, idOf(query));
    } catch {
      return undefined; // The server does not exist or does not answer: try the next one.
    }
  }
}

/** Queries over UDP, from a new port for each query. Ignores datagrams from anyone but the server. */
export async function askByUdp(query: Uint8Array<ArrayBuffer>, server: string): Promise<Uint8Array> {
  if (!supportsDatagrams()) return await askByTcp(query, server);
  const hostname = server.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  using _timer = startTimer(ANSWER_TIMEOUT_MS, () => closeQuietly(socket));
  try {
    await socket.send(query, { transport: "udp", hostname: server, port: DNS_PORT });
    while (true) {
      const [answer, from] = await socket.receive(new Uint8Array(MAX_DATAGRAM_BYTES));
      const { hostname, port } = from as Deno.NetAddr;
      if (hostname === server && port === DNS_PORT && answer.length >= 12 && idOf(answer) === idOf(query)) {
        return answer;
      }
    }
  } finally {
    closeQuietly(socket);
  }
}

/** Whether Deno supports datagrams: a script that was compiled without --unstable-net has none. */
export function supportsDatagrams(): boolean {
  return "listenDatagram" in Deno;
}

/** Queries over TCP, for answers that are too long for UDP. */
export async function askByTcp(query: Uint8Array<ArrayBuffer>, server: string): Promise<Uint8Array> {
  const conn = await Deno.connect({ hostname: server, port: DNS_PORT });
  using _timer = startTimer(ANSWER_TIMEOUT_MS, () => closeQuietly(conn));
  try {
    await writeAll(conn, framed(query));
    const length = await readExactly(conn, 2);
    return await readExactly(conn, (length[0]! << 8) | length[1]!);
  } finally {
    closeQuietly(conn);
  }
}

/** Prepends the length to a message, as DNS over TCP requires. */
export function framed(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + message.length);
  new DataView(bytes.buffer).setUint16(0, message.length);
  bytes.set(message, 2);
  return bytes;
}

/** Makes an answer fit in a datagram for the guest: replaces a longer answer with a truncated one, to request TCP. */
export function truncateToFit(query: Uint8Array, answer: Uint8Array, maxBytes: number): Uint8Array {
  if (answer.length <= maxBytes || isTruncated(answer)) return answer;
  const question = parseQuestion(query);
  if (question === undefined) return answer;
  const empty = emptyAnswer(query, question, 0);
  empty[2]! |= 2; // truncated
  return empty;
}

async function readExactly(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) throw new Deno.errors.UnexpectedEof();
    at += count;
  }
  return bytes;
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // The timer has closed it.
  }
}

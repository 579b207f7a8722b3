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
/** How long a name server may take, in ms, and how often all are asked. */
const [ANSWER_TIMEOUT_MS, ROUNDS] = [2500, 2];
/** As many questions wait for an answer at most; further ones are dropped, and asked again by the guest. */
const MAX_PENDING = 256;
const MAX_DATAGRAM_BYTES = 65_535;

/** How to ask a name server: over UDP, or over TCP. */
export type Transport = (query: Uint8Array<ArrayBuffer>, server: string) => Promise<Uint8Array>;

/** Asks the host's name servers for the guest. */
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
   * @param options what the machines of the guest's network are called, among others: they are asked for first; and
   * whether the host may have a route to an address
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

  /** The answer to a query of the guest's; `undefined` for what is no query, and when there are too many at once. */
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

  /** The answer of one server, with the guest's own id; `undefined` when it gave none that fits. */
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
      // A client would wait for nothing: it is to take one of IPv4.
      const isOfNoUse = found.length > 0 &&
        found.every(({ address }) => isIpv6(address) && !this.#mayReach(address));
      if (isOfNoUse) return emptyAnswer(query, question, 0);
      for (const { address, seconds } of found) this.#pins.add(address, question.name, seconds);
      return withId(answer, idOf(query));
    } catch {
      return undefined; // No such server, or it does not answer: the next one.
    }
  }
}

/** Asks over UDP, from a port of its own for each question; what does not come from that server is not seen. */
export async function askByUdp(query: Uint8Array<ArrayBuffer>, server: string): Promise<Uint8Array> {
  if (!hasDatagrams()) return await askByTcp(query, server);
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

/** Whether this Deno has datagrams: a script that was compiled without --unstable-net has not. */
export function hasDatagrams(): boolean {
  return "listenDatagram" in Deno;
}

/** Asks over TCP, for answers that are too long for UDP. */
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

/** A message as TCP carries it: after its length. */
export function framed(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + message.length);
  new DataView(bytes.buffer).setUint16(0, message.length);
  bytes.set(message, 2);
  return bytes;
}

/** An answer that fits into a datagram for the guest: a longer one says that it is to be asked for by TCP. */
export function fitted(query: Uint8Array, answer: Uint8Array, maxBytes: number): Uint8Array {
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
    // The deadline has closed it.
  }
}

import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { formatEndpoint } from "../host/ip_address.ts";

/**
 * Events that a gateway writes to standard output, as one line of JSON each. `smolvm-jail` stores the lines in the
 * machine's network log. If the gateway was killed, it adds the last line itself.
 *
 * @module
 */

/** The gateway's counters of the traffic that it forwarded and refused. */
export interface NetworkCounters {
  /** Bytes of the frames that the guest received. */
  receivedBytes: number;
  /** The number of these frames. */
  receivedPackets: number;
  /** Bytes of the frames that the guest sent. */
  sentBytes: number;
  /** The number of these frames. */
  sentPackets: number;
  /** Allowed TCP connections of the guest so far. */
  connections: number;
  /** How many of these connections are open. */
  openConnections: number;
  /** Number of refusals. */
  denied: number;
}

/** A connection, datagram, ping or query that the gateway refused. */
export interface NetworkDenial {
  /** Time of the event, ISO 8601 in UTC. */
  time: string;
  /** Distinguishes it from other events. */
  event: "denied";
  /** Protocol of the attempt. `dns`: the guest tried to resolve a name. */
  protocol: "tcp" | "udp" | "icmp" | "dns";
  /** The IP address; null for a name that was not resolved. */
  address: string | null;
  /** The port; null if there is none. */
  port: number | null;
  /** The names that resolved to the address, or the name that the guest tried to resolve. */
  names: string[];
  /** Reason of the refusal. */
  reason: string;
  /** The `--deny-net` rule that refused it; null if no rule did. */
  rule: string | null;
  /** How many times the same was refused since the last log line about it, including this time. */
  count: number;
}

/** A refusal before it is logged. */
export type Refusal = Omit<NetworkDenial, "event" | "time" | "count">;

/** Returns the key by which refusals count as the same. */
export function refusalKey({ protocol, address, port, names }: Refusal): string {
  return `${protocol} ${address ?? names[0]} ${port}`;
}

/** The machine's network has stopped. */
export interface NetworkEnd {
  /** Time of the event, ISO 8601 in UTC. */
  time: string;
  /** Distinguishes it from other events. */
  event: "end";
  /** Why the network stopped before the machine; null if it did not. */
  reason: string | null;
  /** The final counters; null if the gateway could not report them. */
  counters: NetworkCounters | null;
}

/** One line of a machine's network log. */
export type NetworkEvent = NetworkDenial | NetworkEnd;

/** Writes of up to this size to a pipe are atomic (PIPE_BUF). Longer lines are ignored. */
const MAX_LINE_BYTES = 4096;
const MAX_PORT = 65_535;
/** Maximum number of logged names. */
const MAX_NAMES = 8;

/** Encodes a log line, with its newline. The time comes first, where {@linkcode timeOfLine} expects it. */
export function encodeEvent({ time, ...event }: NetworkEvent): Uint8Array {
  const short = event.event === "denied" ? { ...event, names: event.names.slice(0, MAX_NAMES) } : event;
  return new TextEncoder().encode(`${JSON.stringify({ time, ...short })}\n`);
}

const TIME = /^\{"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/;

/** Returns the time of a line from its first bytes. */
export function timeOfLine(head: Uint8Array): string | undefined {
  return TIME.exec(String.fromCharCode(...head.subarray(0, 64)))?.[1];
}

/** Parses a line. Returns `undefined` if the line is malformed: a crash may have cut it off. */
export function parseEvent(line: string): NetworkEvent | undefined {
  if (line.length > MAX_LINE_BYTES) return undefined;
  try {
    const fields = new Fields(JSON.parse(line), { what: "Network event", code: "state" });
    const isEnd = fields.oneOf("event", ["denied", "end"]) === "end";
    const event = isEnd ? parseEnd(fields) : parseDenial(fields);
    fields.end();
    return event;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof SmolvmError) return undefined;
    throw error;
  }
}

function parseDenial(fields: Fields): NetworkDenial {
  return {
    time: fields.time("time"),
    event: "denied",
    protocol: fields.oneOf("protocol", ["tcp", "udp", "icmp", "dns"]),
    address: fields.has("address") ? fields.string("address") : null,
    port: fields.has("port") ? fields.integer("port", 0, MAX_PORT) : null,
    names: fields.strings("names"),
    reason: fields.string("reason"),
    rule: fields.has("rule") ? fields.string("rule") : null,
    count: fields.integer("count", 1, Number.MAX_SAFE_INTEGER),
  };
}

function parseEnd(fields: Fields): NetworkEnd {
  return {
    time: fields.time("time"),
    event: "end",
    reason: fields.has("reason") ? fields.string("reason") : null,
    counters: fields.has("counters") ? parseCounters(fields.object("counters")) : null,
  };
}

/** @throws {SmolvmError} if the counters are malformed. */
export function parseCounters(fields: Fields): NetworkCounters {
  const count = (name: keyof NetworkCounters) => fields.integer(name, 0, Number.MAX_SAFE_INTEGER);
  const counters = {
    receivedBytes: count("receivedBytes"),
    receivedPackets: count("receivedPackets"),
    sentBytes: count("sentBytes"),
    sentPackets: count("sentPackets"),
    connections: count("connections"),
    openConnections: count("openConnections"),
    denied: count("denied"),
  };
  fields.end();
  return counters;
}

/** Describes an event in a sentence for users. Replaces control characters, since parts come from the guest. */
export function describeEvent(event: NetworkEvent): string {
  return clean(event.event === "end" ? describeEnd(event) : describeDenial(event));
}

function describeEnd({ reason, counters }: NetworkEnd): string {
  if (reason !== null) return `the network ended: ${reason}`;
  const { receivedBytes, sentBytes, connections, denied } = counters!;
  return `ended: ${receivedBytes} bytes received, ${sentBytes} sent, ${connections} connections, ${denied} denied`;
}

function describeDenial({ protocol, address, port, names, reason, count }: NetworkDenial): string {
  const place = address === null ? names.join(", ") : port === null ? address : formatEndpoint(address, port);
  const called = address === null || names.length === 0 ? "" : ` (${names.join(", ")})`;
  return `denied ${protocol} ${place}${called}: ${reason}${count > 1 ? `, ${count} times` : ""}`;
}

/** Never print a machine's files unfiltered: a terminal would interpret their control sequences. */
function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

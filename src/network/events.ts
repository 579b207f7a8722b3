import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { formatEndpoint } from "../host/ip_address.ts";

/**
 * What a gateway writes on its standard output: one line of JSON for each event. `smolvm-jail` keeps the lines in the
 * machine's network log, and adds the last one itself when the gateway was killed.
 *
 * @module
 */

/** What a machine's network has carried and refused, by the gateway's own count. */
export interface NetworkCounters {
  /** Bytes of the frames that the guest got. */
  receivedBytes: number;
  /** The number of these frames. */
  receivedPackets: number;
  /** Bytes of the frames that the guest sent. */
  sentBytes: number;
  /** The number of these frames. */
  sentPackets: number;
  /** TCP connections of the guest that were let through so far. */
  connections: number;
  /** Those of them that are open. */
  openConnections: number;
  /** How often something was refused. */
  denied: number;
}

/** Something that a guest was refused. */
export interface NetworkDenial {
  /** When, ISO 8601 in UTC. */
  time: string;
  /** Distinguishes it from other events. */
  event: "denied";
  /** What it tried; `dns`: to have a name resolved. */
  protocol: "tcp" | "udp" | "icmp" | "dns";
  /** The IP address; null for a name that was not resolved. */
  address: string | null;
  /** The port; null where there is none. */
  port: number | null;
  /** The names that stand for the address, or the name that was to be resolved. */
  names: string[];
  /** Why it was refused. */
  reason: string;
  /** The `--deny-net` rule that refused it; null: none did. */
  rule: string | null;
  /** How often the same was refused since it was last written down, this time included. */
  count: number;
}

/** What was refused, before it is told. */
export type Refusal = Omit<NetworkDenial, "event" | "time" | "count">;

/** What refusals have in common that are of the same. */
export function kindOf({ protocol, address, port, names }: Refusal): string {
  return `${protocol} ${address ?? names[0]} ${port}`;
}

/** The end of a machine's network. */
export interface NetworkEnd {
  /** When, ISO 8601 in UTC. */
  time: string;
  /** Distinguishes it from other events. */
  event: "end";
  /** Why it ended before the machine did; null: it did not. */
  reason: string | null;
  /** What it had carried; null when the gateway could not tell. */
  counters: NetworkCounters | null;
}

/** One line of a machine's network log. */
export type NetworkEvent = NetworkDenial | NetworkEnd;

/** A pipe takes a write of that many bytes whole; a longer line is not read. */
const MAX_LINE_BYTES = 4096;
const MAX_PORT = 65_535;
/** More names than that are not written down. */
const MAX_NAMES = 8;

/** A line of the log, with its newline. The time is first, where {@linkcode timeOfLine} expects it. */
export function encodeEvent({ time, ...event }: NetworkEvent): Uint8Array {
  const short = event.event === "denied" ? { ...event, names: event.names.slice(0, MAX_NAMES) } : event;
  return new TextEncoder().encode(`${JSON.stringify({ time, ...short })}\n`);
}

const TIME = /^\{"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/;

/** The time of a line, by its first bytes. */
export function timeOfLine(head: Uint8Array): string | undefined {
  return TIME.exec(String.fromCharCode(...head.subarray(0, 64)))?.[1];
}

/** The event of a line; `undefined` for one that is none: a crash may have cut it. */
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

/** @throws {SmolvmError} for anything else than counters. */
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

/** An event as a sentence, for people; what comes from a guest has no control characters. */
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

/** A file of a machine is never shown as it is: a terminal would obey it. */
function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

import { Fields } from "../fields.ts";
import { parseRules } from "./rules.ts";
import type { PublishedDatagramPort } from "./published_datagrams.ts";
import type { Rule } from "./rules.ts";
import type { GatewaySecret } from "./secret.ts";

/** What a gateway is told, by a file in the runtime folder of its machine. */
export interface GatewayConfig {
  /** Rules, as they were written. */
  allow: string[];
  deny: string[];
  /** IP addresses of name servers. */
  nameservers: string[];
  /** Whose values are in {@linkcode secretsFile}; mostly none. */
  secrets: GatewaySecret[];
  limits: NetworkLimits;
  /** The UDP ports of the guest that others may send to. */
  published: PublishedDatagramPort[];
  /** The networks of machines that it is in. */
  memberships: Membership[];
}

/** How a machine is in a network of machines. */
export interface Membership {
  /** The folder with the sockets of its machines' gateways. */
  folder: string;
  network: string;
  /** The range of its addresses. */
  subnet: string;
  /** The machine's own name. */
  name: string;
  /** Further names that it is known by. */
  aliases: string[];
}

/** What of the network a guest may use at once. */
export interface NetworkLimits {
  /** Of its data, in each direction; null: any number. */
  bytesPerSecond: number | null;
  /** TCP connections that are open; null: as many as a gateway has. */
  connections: number | null;
}

const VERSION = 1;

/** The file with what the gateway of a machine is told. */
export function gatewayConfigFile(runtimeFolder: string): string {
  return `${runtimeFolder}/network.json`;
}

/** The socket at which the gateway of a machine awaits its VM. It is not there before somebody listens. */
export function gatewaySocket(runtimeFolder: string): string {
  return `${runtimeFolder}/net.sock`;
}

/** The socket of the process that sends the pings of a machine's guest; without one the host does not let it. */
export function pingSocket(runtimeFolder: string): string {
  return `${runtimeFolder}/pings.sock`;
}

/** The file in which the gateway of a machine says which addresses the guest has in its networks, a line each. */
export function addressesFile(runtimeFolder: string): string {
  return `${runtimeFolder}/addresses`;
}

export function encodeGatewayConfig(config: GatewayConfig): string {
  return JSON.stringify({ version: VERSION, ...config });
}

/** @throws {SmolvmError} `internal` for a wrong or unknown key; `usage` for a malformed rule. */
export function parseGatewayConfig(
  json: string,
): Omit<GatewayConfig, "allow" | "deny"> & { allow: Rule[]; deny: Rule[] } {
  const fields = new Fields(JSON.parse(json), { what: "Network configuration", code: "internal" });
  fields.version("version", VERSION);
  const config = {
    allow: parseRules(fields.strings("allow")),
    deny: parseRules(fields.strings("deny")),
    nameservers: fields.strings("nameservers"),
    secrets: fields.objects("secrets").map(parseSecret),
    limits: parseLimits(fields.object("limits")),
    published: fields.objects("published").map(parsePublished),
    memberships: fields.objects("memberships").map(parseMembership),
  };
  fields.end();
  return config;
}

function parseLimits(fields: Fields): NetworkLimits {
  const count = (name: string) => fields.has(name) ? fields.integer(name, 1, Number.MAX_SAFE_INTEGER) : null;
  const limits = { bytesPerSecond: count("bytesPerSecond"), connections: count("connections") };
  fields.end();
  return limits;
}

function parsePublished(fields: Fields): PublishedDatagramPort {
  const port = (name: string) => fields.integer(name, 1, 65_535);
  const published = { address: fields.string("address"), hostPort: port("hostPort"), guestPort: port("guestPort") };
  fields.end();
  return published;
}

function parseMembership(fields: Fields): Membership {
  const membership = {
    folder: fields.string("folder"),
    network: fields.string("network"),
    subnet: fields.string("subnet"),
    name: fields.string("name"),
    aliases: fields.strings("aliases"),
  };
  fields.end();
  return membership;
}

function parseSecret(fields: Fields): GatewaySecret {
  const secret = {
    name: fields.string("name"),
    hosts: fields.strings("hosts"),
    placeholder: fields.string("placeholder"),
  };
  fields.end();
  return secret;
}

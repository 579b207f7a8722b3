import { Fields } from "../fields.ts";
import { parseRules } from "./rules.ts";
import type { PublishedDatagramPort } from "./published_datagrams.ts";
import type { Rule } from "./rules.ts";
import type { GatewaySecret } from "./secret.ts";

/** Configuration of a gateway, in a file in the runtime folder of its machine. */
export interface GatewayConfig {
  /** Rules, as the user wrote them. */
  allow: string[];
  deny: string[];
  /** IP addresses of name servers. */
  nameservers: string[];
  /** Their values are in {@linkcode secretsFile}. Usually empty. */
  secrets: GatewaySecret[];
  limits: NetworkLimits;
  /** The guest's published UDP ports. */
  published: PublishedDatagramPort[];
  /** The networks that the machine has joined. */
  memberships: Membership[];
}

/** A machine's membership in a network. */
export interface Membership {
  /** The folder with the sockets of the gateways in the network. */
  folder: string;
  network: string;
  /** The address range of the network. */
  subnet: string;
  /** The machine's own name. */
  name: string;
  /** Further names of the machine. */
  aliases: string[];
}

/** Limits on a guest's use of the network. */
export interface NetworkLimits {
  /** Data in each direction; null: no limit. */
  bytesPerSecond: number | null;
  /** Open TCP connections; null: only the gateway's own limit. */
  connections: number | null;
}

const VERSION = 1;

/** Returns the path of the configuration file of a machine's gateway. */
export function gatewayConfigFile(runtimeFolder: string): string {
  return `${runtimeFolder}/network.json`;
}

/** Returns the path of the socket where a machine's gateway waits for its VM. It exists once the gateway listens. */
export function gatewaySocket(runtimeFolder: string): string {
  return `${runtimeFolder}/net.sock`;
}

/** Returns the path of the socket of the ping process. It exists only if the host allows ping sockets. */
export function pingSocket(runtimeFolder: string): string {
  return `${runtimeFolder}/pings.sock`;
}

/** Returns the path of the file where the gateway writes the guest's addresses in its networks, one per line. */
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

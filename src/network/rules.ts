import { SmolvmError } from "../errors.ts";
import { formatIp } from "./ip.ts";
import { isIn, type Network, networkOf, networks, parseNetwork } from "./networks.ts";

/** Target of a rule. */
export type RuleTarget =
  /** A name, or all its subdomains. */
  | { kind: "name"; name: string; below: boolean }
  | { kind: "network"; network: Network }
  /** All public or all private addresses, or the host's loopback, which the guest reaches at the gateway's address. */
  | { kind: "public" | "private" | "host" };

/** A rule that allows or denies destinations. */
export interface Rule {
  /** The rule as the user wrote it. */
  text: string;
  target: RuleTarget;
  /** 1 to 65535; `undefined` for any port. */
  port: number | undefined;
}

/** Maximum number of rules: more are a mistake. */
export const MAX_RULES = 256;

const LOOPBACKS = networks("127.0.0.0/8", "::1");
const MAPPED = networks("::ffff:0:0/96");
const WORDS = ["public", "private", "host"] as const;

/**
 * Parses a rule: `name[:port]`, `*.suffix[:port]`, `10.0.0.0/8[:port]`, `2001:db8::/32` or `[2001:db8::/32]:port`, or
 * `public`, `private` or `host` with or without a port.
 *
 * @throws {SmolvmError} `usage`.
 */
export function parseRule(text: string): Rule {
  const invalid = (reason: string, hint?: string) =>
    new SmolvmError("usage", `Cannot use the network rule "${text}": ${reason}`, { hint });
  if (text.includes("://")) throw invalid("it is a URL", `Write ${text.split("://")[1]!.split("/")[0] || "its host"}.`);
  const [what, portText] = splitPort(text);
  const port = portText === undefined ? undefined : parsePort(portText);
  if (port === null) throw invalid("expected a port from 1 to 65535 after the colon");
  return { text, target: parseTarget(what, invalid), port };
}

/**
 * Parses rules. Each text may be a comma-separated list.
 *
 * @throws {SmolvmError} `usage`.
 */
export function parseRules(texts: readonly string[]): Rule[] {
  const rules = texts.flatMap((text) => text.split(",")).map((text) => parseRule(text.trim()));
  if (rules.length <= MAX_RULES) return rules;
  throw new SmolvmError("usage", `Cannot use ${rules.length} network rules: expected at most ${MAX_RULES}`);
}

/** An IPv6 address contains colons: with a port it must be in brackets. */
function splitPort(text: string): [what: string, port: string | undefined] {
  const [, bracketed, port] = /^\[([^\]]*)\](?::(.*))?$/s.exec(text) ?? [];
  if (bracketed?.includes(":")) return [bracketed, port];
  if (text.split(":").length > 2) return [text, undefined];
  const colon = text.indexOf(":");
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function parsePort(text: string): number | null {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

function parseTarget(text: string, invalid: (reason: string, hint?: string) => SmolvmError): RuleTarget {
  const word = WORDS.find((word) => word === text);
  if (word) return { kind: word };
  if (text === "*") throw invalid("it matches everything", 'Write "public", "private" or both.');
  if (text.includes(":") || /^[\d./]+$/.test(text) || /\/\d+$/.test(text)) return parseNetworkTarget(text, invalid);
  if (/^127\./.test(text) || text === "localhost") throw hostInstead(invalid);
  const below = text.startsWith("*.");
  const name = (below ? text.slice(2) : text).toLowerCase().replace(/\.$/, "");
  if (!isName(name)) throw invalid("expected a name, *.NAME, an address or network, public, private or host");
  return { kind: "name", name, below };
}

function parseNetworkTarget(text: string, invalid: (reason: string, hint?: string) => SmolvmError): RuleTarget {
  const network = parseNetwork(text);
  if (network === undefined) {
    throw invalid(
      "expected an address, or a network such as 10.0.0.0/8 or 2001:db8::/32",
      text.includes(":") ? "Put the address in brackets before a port: [2001:db8::1]:443." : undefined,
    );
  }
  if (isIn(LOOPBACKS(), network.base)) throw hostInstead(invalid);
  // Such a rule would match no packet, so a deny rule would deny nothing.
  if (isIn(MAPPED(), network.base)) throw invalid("it is an IPv4-mapped address", "Write it as IPv4.");
  const { base, prefix } = networkOf(network);
  if (base !== network.base) {
    throw invalid(`it has bits set after its prefix of ${prefix}`, `Write ${formatIp(base)}/${prefix}.`);
  }
  return { kind: "network", network };
}

function hostInstead(invalid: (reason: string, hint?: string) => SmolvmError): SmolvmError {
  return invalid(
    "it is the guest's own loopback",
    'Write "host:PORT" for the host\'s loopback, which the guest reaches at the gateway.',
  );
}

/** Whether the text is a valid DNS name in lower case. */
function isName(text: string): boolean {
  return text.length <= 253 && text.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

/** Whether a rule covers a name, which must be in lower case and without a trailing dot. */
export function coversName(rule: Rule, name: string): boolean {
  if (rule.target.kind !== "name") return false;
  return rule.target.below ? name.endsWith(`.${rule.target.name}`) : name === rule.target.name;
}

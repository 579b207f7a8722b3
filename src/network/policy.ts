import type { IpAddress } from "./ip.ts";
import { type AddressKind, addressKind, contains } from "./networks.ts";
import type { HostAddresses } from "./host_addresses.ts";
import { coversName, type Rule } from "./rules.ts";

/** Options of a policy. */
export interface PolicyOptions {
  allow: readonly Rule[];
  /** Overrides `allow`. */
  deny: readonly Rule[];
  /** The gateway's addresses, at which the guest reaches the host's loopback if a rule allows it. */
  gateways: readonly IpAddress[];
  /** The current addresses of the host's interfaces. */
  ownAddresses: Pick<HostAddresses, "has" | "isOnLink">;
}

/** Destination of a guest's connection, datagram or ping. */
export interface Destination {
  address: IpAddress;
  /** Null for a ping, to which rules with a port do not apply. */
  port: number | null;
  /** Names that the guest has resolved to the address, or by which it names the server. */
  names: readonly string[];
}

/** A denial, with its reason. */
export interface Denied {
  isAllowed: false;
  reason: string;
  /** The rule that denies it, if one does. */
  rule: string | null;
}

/** Result of a policy check. */
export type Decision = { isAllowed: true } | Denied;

const ALLOWED: Decision = { isAllowed: true };
const denied = (reason: string, rule: string | null = null): Decision => ({ isAllowed: false, reason, rule });

/** Decides what a guest may reach. */
export class Policy {
  readonly #options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.#options = options;
  }

  decide(destination: Destination): Decision {
    const { allow, deny, ownAddresses } = this.#options;
    const { address } = destination;
    const isHost = this.isGateway(address);
    const kind = addressKind(address);
    if (kind === "closed") return denied("loopback, link-local, multicast and reserved addresses are closed");
    if (!isHost && ownAddresses.has(address)) return denied("it is the host's own address");
    const denial = deny.find((rule) => this.#covers(rule, destination, { isDenial: true }));
    if (denial) return denied(`rule ${denial.text}`, denial.text);
    return allow.some((rule) => this.#covers(rule, destination, { isDenial: false })) ? ALLOWED : denied("no rule");
  }

  /** Decides on another machine of the guest's network: allowed unless a deny rule covers its name or address. */
  decideMember({ port, ...member }: Destination): Decision {
    const denial = this.#options.deny.find((rule) =>
      (rule.port === undefined || rule.port === port) &&
      (rule.target.kind === "network"
        ? contains(rule.target.network, member.address)
        : member.names.some((name) => coversName(rule, name)))
    );
    return denial ? denied(`rule ${denial.text}`, denial.text) : ALLOWED;
  }

  /** Decides whether the guest may resolve a name, which must be in lower case and without a trailing dot. */
  decideName(name: string): Decision {
    const { allow, deny } = this.#options;
    const denial = deny.find((rule) => rule.port === undefined && coversName(rule, name));
    if (denial) return denied(`rule ${denial.text}`, denial.text);
    // `public` and `private` rules let the guest resolve every name.
    return allow.some((rule) =>
        rule.target.kind === "public" || rule.target.kind === "private" || coversName(rule, name)
      )
      ? ALLOWED
      : denied("no rule");
  }

  /** Whether the decision for this destination depends on the server's name. */
  needsName({ address, port }: Omit<Destination, "names">): boolean {
    if (!this.hasNames || this.isGateway(address)) return false;
    const mayBeDenied = this.#options.deny.some((rule) =>
      rule.target.kind === "name" && (rule.port === undefined || rule.port === port)
    );
    return mayBeDenied || !this.decide({ address, port, names: [] }).isAllowed;
  }

  /** Whether any rule contains a name, so that the gateway must be the guest's only name server. */
  get hasNames(): boolean {
    return [...this.#options.allow, ...this.#options.deny].some(({ target }) => target.kind === "name");
  }

  /** Whether the address is the gateway's, at which the guest reaches the host's loopback. */
  isGateway(address: IpAddress): boolean {
    return this.#options.gateways.includes(address);
  }

  /** Returns the address kind for rules: addresses in the host's own networks count as private. */
  #addressKind(address: IpAddress): AddressKind {
    const kind = addressKind(address);
    return kind === "public" && this.#options.ownAddresses.isOnLink(address) ? "private" : kind;
  }

  #covers(rule: Rule, { address, port, names }: Destination, { isDenial }: { isDenial: boolean }): boolean {
    if (rule.port !== undefined && rule.port !== port) return false;
    const { target } = rule;
    if (target.kind === "host") return this.isGateway(address);
    // The gateway's address stands for the host: only a `host` rule covers it.
    if (this.isGateway(address)) return false;
    if (target.kind === "network") return contains(target.network, address);
    if (target.kind !== "name") return this.#addressKind(address) === target.kind;
    // Only public addresses: a name server could resolve the name to a private address.
    return (isDenial || this.#addressKind(address) === "public") && names.some((name) => coversName(rule, name));
  }
}

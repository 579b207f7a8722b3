import type { IpAddress } from "./ip.ts";
import { type AddressKind, contains, kindOf } from "./networks.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import { coversName, type Rule } from "./rules.ts";

/** What a policy is made of. */
export interface PolicyOptions {
  allow: readonly Rule[];
  /** Overrides `allow`. */
  deny: readonly Rule[];
  /** The gateway's addresses, at which the guest reaches the host's loopback if a rule allows it. */
  gateways: readonly IpAddress[];
  /** The addresses of the host's interfaces, as they are now. */
  ownAddresses: Pick<OwnAddresses, "has" | "isOnLink">;
}

/** What the guest wants to reach. */
export interface Destination {
  address: IpAddress;
  /** Null for a ping, which a rule with a port says nothing of. */
  port: number | null;
  /** The names that stand for the address. */
  names: readonly string[];
}

/** Why it may not. */
export interface Denied {
  isAllowed: false;
  reason: string;
  /** The rule that denies it, if one does. */
  rule: string | null;
}

/** Whether it may: and if not, why. */
export type Decision = { isAllowed: true } | Denied;

const ALLOWED: Decision = { isAllowed: true };
const denied = (reason: string, rule: string | null = null): Decision => ({ isAllowed: false, reason, rule });

/** What a guest may reach. */
export class Policy {
  readonly #options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.#options = options;
  }

  decide(destination: Destination): Decision {
    const { allow, deny, ownAddresses } = this.#options;
    const { address } = destination;
    const isHost = this.isGateway(address);
    const kind = kindOf(address);
    if (kind === "closed") return denied("loopback, link-local, multicast and reserved addresses are closed");
    if (!isHost && ownAddresses.has(address)) return denied("it is the host's own address");
    const denial = deny.find((rule) => this.#covers(rule, destination, { isDenial: true }));
    if (denial) return denied(`rule ${denial.text}`, denial.text);
    return allow.some((rule) => this.#covers(rule, destination, { isDenial: false })) ? ALLOWED : denied("no rule");
  }

  /** The same for another machine of its network, which only a denial by name or address keeps it from. */
  decideMember({ port, ...member }: Destination): Decision {
    const denial = this.#options.deny.find((rule) =>
      (rule.port === undefined || rule.port === port) &&
      (rule.target.kind === "network"
        ? contains(rule.target.network, member.address)
        : member.names.some((name) => coversName(rule, name)))
    );
    return denial ? denied(`rule ${denial.text}`, denial.text) : ALLOWED;
  }

  /** Whether the name server may be asked for that name, which is in lower case and has no dot at its end. */
  decideName(name: string): Decision {
    const { allow, deny } = this.#options;
    const denial = deny.find((rule) => rule.port === undefined && coversName(rule, name));
    if (denial) return denied(`rule ${denial.text}`, denial.text);
    // What stands for addresses that somebody named.
    return allow.some((rule) =>
        rule.target.kind === "public" || rule.target.kind === "private" || coversName(rule, name)
      )
      ? ALLOWED
      : denied("no rule");
  }

  /** Whether the server's name counts there, and not the address alone. */
  needsName({ address, port }: Omit<Destination, "names">): boolean {
    if (!this.hasNames || this.isGateway(address)) return false;
    const mayBeDenied = this.#options.deny.some((rule) =>
      rule.target.kind === "name" && (rule.port === undefined || rule.port === port)
    );
    return mayBeDenied || !this.decide({ address, port, names: [] }).isAllowed;
  }

  /** Whether names decide, so that no name server but the gateway may be asked. */
  get hasNames(): boolean {
    return [...this.#options.allow, ...this.#options.deny].some(({ target }) => target.kind === "name");
  }

  /** Whether that is the host's loopback, as the guest sees it. */
  isGateway(address: IpAddress): boolean {
    return this.#options.gateways.includes(address);
  }

  /** What an address is for rules: in the host's own networks none is public. */
  #kindOf(address: IpAddress): AddressKind {
    const kind = kindOf(address);
    return kind === "public" && this.#options.ownAddresses.isOnLink(address) ? "private" : kind;
  }

  #covers(rule: Rule, { address, port, names }: Destination, { isDenial }: { isDenial: boolean }): boolean {
    if (rule.port !== undefined && rule.port !== port) return false;
    const { target } = rule;
    if (target.kind === "host") return this.isGateway(address);
    // The gateway is the host by another address: only the rule for that opens it.
    if (this.isGateway(address)) return false;
    if (target.kind === "network") return contains(target.network, address);
    if (target.kind !== "name") return this.#kindOf(address) === target.kind;
    // A name server could give the name a private address.
    return (isDenial || this.#kindOf(address) === "public") && names.some((name) => coversName(rule, name));
  }
}

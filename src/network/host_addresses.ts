import { type IpAddress, isIpv6, parseIp } from "./ip.ts";
import type { Ipv6 } from "./ipv6.ts";
import { addressKind, isIn, type Network, networkOf, parseNetwork } from "./networks.ts";

/** Minimum time between two queries of the host's interfaces, in ms. */
const FRESH_MS = 5000;

/** The relevant properties of an interface. */
type HostInterface = Pick<Deno.NetworkInterfaceInfo, "address" | "cidr">;

/** The host's addresses and networks at a point in time. */
interface Known {
  addresses: ReadonlySet<IpAddress>;
  /** Only IPv6 networks. */
  networks: readonly Network[];
  at: number;
}

/** The current addresses of the host's interfaces. */
export class HostAddresses {
  readonly #interfaces: () => HostInterface[];
  #known: Known | undefined;

  constructor(interfaces: () => HostInterface[] = Deno.networkInterfaces) {
    this.#interfaces = interfaces;
  }

  has(address: IpAddress): boolean {
    return this.#current().addresses.has(address);
  }

  /**
   * Whether the address is in one of the host's own IPv6 networks. Machines in them have public IPv6 addresses where
   * they would have private IPv4 addresses, and only their router protects them.
   */
  isOnLink(address: IpAddress): boolean {
    return isIn(this.#current().networks, address);
  }

  /** Whether the host may have a route to the address: it has a public IPv6 address, or one of the same kind. */
  mayReach(address: Ipv6): boolean {
    const kinds = new Set([...this.#current().addresses].filter(isIpv6).map(addressKind));
    return kinds.has("public") || kinds.has(addressKind(address));
  }

  #current(): Known {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.at > FRESH_MS) {
      const interfaces = this.#interfaces();
      const networks = interfaces.flatMap(({ cidr }) => networkOfIpv6(cidr) ?? []);
      // A router also has the subnet-router anycast address of each of its networks (RFC 4291).
      const own = [...interfaces.map(({ address }) => parseIp(address)), ...networks.map(({ base }) => base)];
      this.#known = { addresses: new Set(own.filter((address) => address !== undefined)), networks, at: now };
    }
    return this.#known;
  }
}

function networkOfIpv6(cidr: string): Network | undefined {
  const network = parseNetwork(cidr);
  return network && isIpv6(network.base) ? networkOf(network) : undefined;
}

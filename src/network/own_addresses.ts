import { type IpAddress, isIpv6, parseIp } from "./ip.ts";
import type { Ipv6 } from "./ipv6.ts";
import { isIn, kindOf, type Network, networkOf, parseNetwork } from "./networks.ts";

/** The host is asked this often at most, in ms. */
const FRESH_MS = 5000;

/** What of an interface counts. */
type HostInterface = Pick<Deno.NetworkInterfaceInfo, "address" | "cidr">;

/** What the interfaces say of the host, at that time. */
interface Known {
  addresses: ReadonlySet<IpAddress>;
  /** Of IPv6 alone. */
  networks: readonly Network[];
  at: number;
}

/** The addresses of the host's interfaces, as they are now. */
export class OwnAddresses {
  readonly #interfaces: () => HostInterface[];
  #known: Known | undefined;

  constructor(interfaces: () => HostInterface[] = Deno.networkInterfaces) {
    this.#interfaces = interfaces;
  }

  has(address: IpAddress): boolean {
    return this.#current().addresses.has(address);
  }

  /**
   * Whether it is in an IPv6 network of the host's own. Machines there have public addresses where they have private ones
   * of IPv4, and no more than their router keeps others from them.
   */
  isOnLink(address: IpAddress): boolean {
    return isIn(this.#current().networks, address);
  }

  /** Whether the host may have a route there: it has a public address, or one of the same kind. */
  mayReach(address: Ipv6): boolean {
    const kinds = new Set([...this.#current().addresses].filter(isIpv6).map(kindOf));
    return kinds.has("public") || kinds.has(kindOf(address));
  }

  #current(): Known {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.at > FRESH_MS) {
      const interfaces = this.#interfaces();
      const networks = interfaces.flatMap(({ cidr }) => networkOfIpv6(cidr) ?? []);
      // A router is reached at the first address of each of its networks too.
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

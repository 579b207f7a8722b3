import { canonicalAddress, isIpAddress } from "./ip_address.ts";

/** Used where the host names none. */
const PUBLIC_NAMESERVER = "1.1.1.1";
/** If the first names only systemd-resolved on the loopback, the second has the real servers. */
const RESOLV_CONFS = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** The name servers that a `resolv.conf` lists, but those of a link alone: `fe80::1%eth0`. */
export function nameserversIn(resolvConf: string): string[] {
  const servers = resolvConf.matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)\s*(?:[#;].*)?$/gm);
  return Array.from(servers, ([, address]) => address!).filter(isIpAddress).map(canonicalAddress);
}

/** Whether an address is the host's loopback, as far as name servers are there. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/**
 * The host's name servers: those on its loopback only where there are no others, since a guest that may ask those could
 * reach everything there.
 */
export function hostNameservers(): string[] {
  const lists = RESOLV_CONFS.map(readNameservers);
  const others = lists.map((list) => list.filter((address) => !isLoopback(address)));
  return [...others, ...lists].find((list) => list.length > 0) ?? [PUBLIC_NAMESERVER];
}

function readNameservers(path: string): string[] {
  try {
    return nameserversIn(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return []; // A host without this file.
  }
}

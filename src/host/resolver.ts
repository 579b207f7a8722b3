import { canonicalAddress, isIpAddress } from "./ip_address.ts";

/** Used when the host has no name server. */
const PUBLIC_NAMESERVER = "1.1.1.1";
/** If the first file names only systemd-resolved on the loopback, the second file has the real servers. */
const RESOLV_CONFS = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** The name servers in a `resolv.conf`, without link-local ones such as `fe80::1%eth0`. */
export function nameserversIn(resolvConf: string): string[] {
  const servers = resolvConf.matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)\s*(?:[#;].*)?$/gm);
  return Array.from(servers, ([, address]) => address!).filter(isIpAddress).map(canonicalAddress);
}

/** Whether the address of a name server is on the host's loopback. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/**
 * The host's name servers. Those on its loopback are used only if there are no others: a guest that may ask them could
 * reach all servers on the loopback.
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

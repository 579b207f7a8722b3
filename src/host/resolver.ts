/** Used where the host has no name server that the guest could reach. */
const PUBLIC_NAMESERVER = "1.1.1.1";
/** The second holds the real servers of a host whose first names systemd-resolved on its loopback. */
const RESOLV_CONFS = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** The name servers that a `resolv.conf` lists and that are not on the loopback, IPv4 only: TSI carries no other. */
export function reachableNameservers(resolvConf: string): string[] {
  const servers = resolvConf.matchAll(/^\s*nameserver\s+([0-9.]+)\s*(?:[#;].*)?$/gm);
  return Array.from(servers, ([, address]) => address!).filter((address) => !address.startsWith("127."));
}

/** The name server for a guest when neither the user nor the configuration names one. */
export function defaultNameserver(): string {
  for (const path of RESOLV_CONFS) {
    try {
      const [server] = reachableNameservers(Deno.readTextFileSync(path));
      if (server !== undefined) return server;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // A host without this file: the next one.
    }
  }
  return PUBLIC_NAMESERVER;
}

import { coversAddress } from "../host/ip_address.ts";
import { isLoopback } from "../host/resolver.ts";
import { METADATA_IPV6 } from "./networks.ts";
import { parseRules } from "./rules.ts";

/** The rules of a machine with network: without any, it has the public internet. */
export function allowedBy({ allowNet }: { allowNet: readonly string[] }): string[] {
  return allowNet.length > 0 ? [...allowNet] : ["public"];
}

/** Whether rules open a port of the host's loopback. */
export function opensHost(allow: readonly string[]): boolean {
  return parseRules(allow).some(({ target }) => target.kind === "host");
}

/** What Deno itself keeps the gateway of a machine from, whatever that makes of its rules and of a guest's packets. */
export function hostsToDeny(
  machine: { allowNet: readonly string[] },
  { nameservers, published = [] }: {
    nameservers: readonly string[];
    /** The addresses of the host at which UDP ports are published: to clients of the loopback, too, answers are sent. */
    published?: readonly string[];
  },
): string[] {
  const isForLoopback = (address: string) =>
    isLoopback(address) || coversAddress(address, "127.0.0.1") || coversAddress(address, "::1");
  const needsLoopback = opensHost(allowedBy(machine)) || nameservers.some(isLoopback) || published.some(isForLoopback);
  const metadata = ["169.254.0.0/16", ...METADATA_IPV6.map((address) => `[${address}]`)];
  return [...metadata, ...needsLoopback ? [] : ["127.0.0.0/8", "[::1]"]];
}

import { coversAddress } from "../host/ip_address.ts";
import { isLoopback } from "../host/resolver.ts";
import { METADATA_IPV6 } from "./networks.ts";
import { parseRules } from "./rules.ts";

/** Returns the allow rules of a machine with a network. The default is the public internet. */
export function allowRulesOf({ allowNet }: { allowNet: readonly string[] }): string[] {
  return allowNet.length > 0 ? [...allowNet] : ["public"];
}

/** Whether any rule allows access to the host's loopback. */
export function allowsHost(allow: readonly string[]): boolean {
  return parseRules(allow).some(({ target }) => target.kind === "host");
}

/** Returns the hosts that Deno's permissions deny to a machine's gateway, even if the gateway has a bug. */
export function hostsToDeny(
  machine: { allowNet: readonly string[] },
  { nameservers, published = [] }: {
    nameservers: readonly string[];
    /** Host addresses where UDP ports are published. Answers to clients on the loopback need access to it. */
    published?: readonly string[];
  },
): string[] {
  const isForLoopback = (address: string) =>
    isLoopback(address) || coversAddress(address, "127.0.0.1") || coversAddress(address, "::1");
  const needsLoopback = allowsHost(allowRulesOf(machine)) || nameservers.some(isLoopback) ||
    published.some(isForLoopback);
  const metadata = ["169.254.0.0/16", ...METADATA_IPV6.map((address) => `[${address}]`)];
  return [...metadata, ...needsLoopback ? [] : ["127.0.0.0/8", "[::1]"]];
}

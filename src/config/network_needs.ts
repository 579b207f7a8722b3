import { SmolvmError } from "../errors.ts";

/** A machine's network, and the options that have an effect only with a network. */
export interface NetworkNeeds {
  /** Whether it has the network beyond other machines. */
  net: boolean;
  /** The networks of machines that it joins. */
  networks: readonly unknown[];
  dns?: string | undefined;
  denyNet: readonly unknown[];
  secrets: readonly unknown[];
  netLimitBytes?: number | undefined;
  netConnections?: number | undefined;
  networkAliases: readonly unknown[];
}

type Provider = "net" | "networks";

/** Why an option is refused, by the missing provider. */
const REASONS: Record<Provider, string> = {
  net: "the guest has no network",
  networks: "there is no other machine to use it",
};

/** The providers of each option, of which one is enough. */
const NEEDS: Record<Exclude<keyof NetworkNeeds, Provider>, readonly [Provider, ...Provider[]]> = {
  dns: ["net"],
  denyNet: ["net", "networks"],
  secrets: ["net"],
  netLimitBytes: ["net"],
  netConnections: ["net"],
  networkAliases: ["networks"],
};

/**
 * Refuses an option that has no effect without another one.
 *
 * @param named returns the name of an option for messages
 * @throws {SmolvmError} `usage`.
 */
export function checkNetworkNeeds(options: NetworkNeeds, named: (option: keyof NetworkNeeds) => string): void {
  for (const option of Object.keys(NEEDS) as (keyof typeof NEEDS)[]) {
    const needs = NEEDS[option];
    if (!isGiven(options[option]) || needs.some((provider) => isGiven(options[provider]))) continue;
    throw new SmolvmError(
      "usage",
      `Cannot use ${named(option)} without ${named(needs[0])}: ${REASONS[needs[0]]}`,
    );
  }
}

/** Whether an option is set: an empty list and false count as unset. */
export function isGiven(value: NetworkNeeds[keyof NetworkNeeds]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

import { SmolvmError } from "../errors.ts";

/** What there is of a machine's network, and what is only of use with it. */
export interface NetworkNeeds {
  /** Whether it reaches others than machines. */
  net: boolean;
  /** The networks of machines that it is in. */
  networks: readonly unknown[];
  dns?: string | undefined;
  denyNet: readonly unknown[];
  secrets: readonly unknown[];
  netLimitBytes?: number | undefined;
  netConnections?: number | undefined;
  networkAliases: readonly unknown[];
}

type Provider = "net" | "networks";

/** Why an option is refused, by what it lacks. */
const REASONS: Record<Provider, string> = {
  net: "the guest has no network",
  networks: "there is no other machine to use it",
};

/** What each option needs, of which one is enough. */
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
 * @param named what the user knows an option by
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

/** Whether an option says anything: an empty list and false do not. */
export function isGiven(value: NetworkNeeds[keyof NetworkNeeds]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

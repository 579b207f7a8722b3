import { checkNetworkNeeds, isGiven, type NetworkNeeds } from "../config/network_needs.ts";
import { isReservedNetwork, parseSecret } from "../config/values.ts";
import type { Smolfile } from "../config/smolfile.ts";
import { SmolvmError } from "../errors.ts";
import type { MachineSettings, SecretSpec } from "../mod.ts";
import type { OptionRow } from "./option_table.ts";
import {
  collectHostname,
  collectNetwork,
  collectText,
  parseConnections,
  parseNameserver,
  parseRate,
  repeated,
} from "./parse.ts";

/** The network options of a machine. */
export const NETWORK_OPTIONS: readonly OptionRow[] = [
  { flags: "--net", description: "let the guest reach the public internet, but not the host or its networks" },
  {
    flags: "--allow-net <rule,...>",
    description:
      "let the guest reach only these destinations: NAME, *.NAME, NETWORK, public, private or host, each with an " +
      "optional :PORT (repeatable)",
    parse: collectText,
  },
  {
    flags: "--deny-net <rule,...>",
    description: "block these destinations, even if other options allow them (repeatable)",
    parse: collectText,
  },
  {
    flags: "--secret <name@host,...=source>",
    description:
      "let the guest use a secret in HTTPS headers to these hosts without ever holding it; source is env:VARIABLE or " +
      "file:PATH on this host (needs --net; repeatable)",
    parse: repeated(parseSecret),
  },
  {
    flags: "--net-limit <rate>",
    description: "limit the network to these bytes per second each way, with a unit such as 500k or 10m (needs --net)",
    parse: parseRate,
  },
  {
    flags: "--net-connections <count>",
    description: "maximum number of open outgoing TCP connections (default: 4096; needs --net)",
    parse: parseConnections,
  },
  {
    flags: "--network <name>",
    description: "join a network of machines, see smolvm network (repeatable); none: no network at all",
    kind: "network",
    parse: collectNetwork,
  },
  {
    flags: "--network-alias <name>",
    description: "additional name of the machine in its networks (repeatable)",
    parse: collectHostname,
  },
  {
    flags: "--dns <address>",
    description: "name server for the guest (needs --net)",
    parse: parseNameserver,
  },
];

/** The parsed values of {@linkcode NETWORK_OPTIONS}. */
export interface NetworkGiven {
  net?: true;
  allowNet?: string[];
  denyNet?: string[];
  secret?: SecretSpec[];
  netLimit?: number;
  netConnections?: number;
  network?: string[];
  networkAlias?: string[];
  dns?: string;
}

/** The network settings of a machine. */
type NetworkSettings = Pick<MachineSettings, keyof NetworkNeeds | "allowNet">;

/** For each setting: its option, the option's key in the parsed values, and its key in a Smolfile. */
const WORDS: Record<keyof NetworkSettings, [option: string, given: keyof NetworkGiven, declared: string]> = {
  net: ["--net", "net", "net"],
  allowNet: ["--allow-net", "allowNet", "allow_net"],
  denyNet: ["--deny-net", "denyNet", "deny_net"],
  secrets: ["--secret", "secret", "secrets"],
  netLimitBytes: ["--net-limit", "netLimit", "net_limit"],
  netConnections: ["--net-connections", "netConnections", "net_connections"],
  networks: ["--network", "network", "networks"],
  networkAliases: ["--network-alias", "networkAlias", "network_aliases"],
  dns: ["--dns", "dns", "dns"],
};

/** The settings that conflict with `--network none`. `--dns` is not one: the check for a missing network refuses it. */
const OPENING = Object.entries(WORDS).filter(([key]) => key !== "networks" && key !== "dns");

/**
 * Returns the network settings from the options and the Smolfile.
 *
 * @throws {SmolvmError} `usage` for an option that needs another option, or conflicts with it.
 */
export function networkSettings(
  options: NetworkGiven & { file?: string },
  file: Smolfile | undefined,
): NetworkSettings {
  const isClosed = options.network?.includes("none") ?? false;
  if (isClosed) refuseWithNone(options);
  const kept = isClosed ? undefined : file;
  const allowNet = [...kept?.allowNet ?? [], ...options.allowNet ?? []];
  const settings = {
    net: options.net ?? (allowNet.length > 0 || (kept?.net ?? false)),
    allowNet,
    denyNet: [...kept?.denyNet ?? [], ...options.denyNet ?? []],
    secrets: [...kept?.secrets ?? [], ...options.secret ?? []],
    netLimitBytes: options.netLimit ?? kept?.netLimitBytes,
    netConnections: options.netConnections ?? kept?.netConnections,
    networks: isClosed ? [] : [...file?.networks ?? [], ...options.network ?? []],
    networkAliases: [...kept?.networkAliases ?? [], ...options.networkAlias ?? []],
    dns: options.dns ?? file?.dns,
  };
  checkNetworkNeeds(settings, (key) => {
    const [option, given, declared] = WORDS[key];
    const isDeclared = isGiven(settings[key]) && options[given] === undefined;
    return isDeclared ? `the ${declared} of "${options.file}"` : option;
  });
  return settings;
}

/** Refuses other network options together with `--network none`. */
function refuseWithNone(options: NetworkGiven): void {
  const other = OPENING.find(([, [, given]]) => options[given] !== undefined);
  if (other === undefined) return;
  const [, [option]] = other;
  throw new SmolvmError("usage", `Cannot use ${option} with --network none`);
}

/** Refuses `--net none` and the like: docker users mean a network mode, not an image called `none`. */
export function refuseNetworkAsSource(words: readonly string[]): void {
  const [source = ""] = words;
  if (!isReservedNetwork(source) || Deno.args.at(-1 - words.length) !== "--net") return;
  throw new SmolvmError("usage", `Cannot use --net ${source}: --net takes no value, and gives the public internet`, {
    hint:
      `Use --network none, or --allow-net with rules. For an image or a folder of that name, use --net -- ${source}.`,
  });
}

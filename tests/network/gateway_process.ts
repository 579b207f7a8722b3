/** Runs a gateway process as smolvm-jail starts it, for guests that use the host's kernel. */

import {
  encodeGatewayConfig,
  gatewayConfigFile,
  gatewaySocket,
  type Membership,
  type NetworkLimits,
} from "../../src/network/config.ts";
import { exists } from "../../src/host/files.ts";
import { hostsToDeny } from "../../src/network/machine_rules.ts";
import type { PublishedDatagramPort } from "../../src/network/published_datagrams.ts";
import { gatewayCommand } from "../../src/runner/entry.ts";
import { Process } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { type Errand, sendGuest } from "./kernel_guest.ts";

export const NO_LIMITS: NetworkLimits = { bytesPerSecond: null, connections: null };

/** Settings of a gateway that differ from the defaults. */
export interface GatewaySettings {
  deny?: string[];
  nameservers?: string[];
  limits?: NetworkLimits;
  published?: PublishedDatagramPort[];
  memberships?: Membership[];
  /** What to wait for: the gateway's socket, or nothing if the gateway cannot listen. */
  awaits?: "its socket" | "nothing";
}

/**
 * Starts a gateway with those rules. It runs until its guest closes the link or its standard input ends.
 *
 * @param where the program that {@linkcode buildTapGuest} built, and the parent folder of runtime folders
 */
export async function startGateway(
  { program, folder }: { program: string; folder: string },
  allow: string[],
  {
    deny = [],
    nameservers = ["192.0.2.1"],
    limits = NO_LIMITS,
    published = [],
    memberships = [],
    awaits = "its socket",
  }: GatewaySettings = {},
) {
  const runtimeFolder = await Deno.makeTempDir({ dir: folder });
  await Deno.writeTextFile(
    gatewayConfigFile(runtimeFolder),
    encodeGatewayConfig({ allow, deny, nameservers, secrets: [], limits, published, memberships }),
  );
  const addresses = published.map(({ address }) => address);
  const { argv: [command, ...args], env } = gatewayCommand(runtimeFolder, {
    deniedHosts: hostsToDeny({ allowNet: allow }, { nameservers, published: addresses }),
    files: memberships.map((membership) => membership.folder),
  });
  const process = new Process(command!, { args, env });
  if (awaits === "its socket") await until(() => exists(gatewaySocket(runtimeFolder)));
  const send = (errand: Omit<Errand, "program">) => sendGuest(gatewaySocket(runtimeFolder), { program, ...errand });
  return { process, runtimeFolder, send, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

import { SmolvmError } from "../errors.ts";
import { exists, removeIfThereSync } from "../host/files.ts";
import type { Libc } from "../host/libc.ts";
import { osReason } from "../host/os_error.ts";
import { sleep } from "../host/sleep.ts";
import { tailOf } from "../host/tail.ts";
import type { GuestInterface } from "../protocol/messages.ts";
import { addressesFile, encodeGatewayConfig, gatewayConfigFile, gatewaySocket } from "../network/config.ts";
import { parseEvent } from "../network/events.ts";
import { GUEST_LINK, LINK_PREFIX, LINK_PREFIX6 } from "../network/guest_link.ts";
import { formatIpv4, type Ipv4, parseIpv4Address } from "../network/ipv4.ts";
import { allowRulesOf, allowsHost } from "../network/machine_rules.ts";
import { authorityFile } from "../network/secret.ts";
import { SUBNET_PREFIX } from "../network/subnet.ts";
import type { RunnerSpec } from "../runner_interface/spec.ts";
import { networkLog, runnerLog } from "../state/machine_folders.ts";
import { hasGateway, portsOf } from "../state/machine_record.ts";

/** The guest's name for the host's loopback, if a rule allows access to it. */
const HOST_NAME = "host.smolvm.internal";

const GATEWAY_POLL_MS = 2;
/** How many of a gateway's last messages an error contains. */
const MAX_ERROR_LINES = 4;

/**
 * Writes the configuration of a machine's gateway, if it has one. The machine's runtime folder must exist.
 *
 * @throws {SmolvmError} `storage`.
 */
export function configureGateway({ machine, folder, runtimeFolder, nameservers, networks }: RunnerSpec): void {
  if (!hasGateway(machine)) return;
  const secrets = machine.secrets.map(({ name, hosts, placeholder }) => ({ name, hosts, placeholder }));
  const config = encodeGatewayConfig({
    allow: machine.net ? allowRulesOf(machine) : [],
    deny: machine.denyNet,
    nameservers,
    secrets,
    limits: { bytesPerSecond: machine.netLimitBytes, connections: machine.netConnections },
    published: portsOf(machine.ports, "udp").map(({ address, hostPort, guestPort }) => ({
      address,
      hostPort,
      guestPort,
    })),
    memberships: networks.map(({ folder, name, subnet }) => ({
      folder,
      network: name,
      subnet,
      name: machine.name,
      aliases: machine.networkAliases,
    })),
  });
  // The last line of an old log would be read as the end of this gateway.
  removeIfThereSync(networkLog(folder));
  try {
    // These folders, like all sockets, are gone after the host reboots.
    for (const { folder } of networks) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(gatewayConfigFile(runtimeFolder), config, { mode: 0o600 });
  } catch (error) {
    throw new SmolvmError("storage", `Cannot configure the machine's network: ${osReason(error)}`, { cause: error });
  }
}

/** What a guest needs to know about its gateway. */
export interface GatewayFacts {
  /** The certificate that a guest with secrets must trust, as PEM. */
  authority?: string | undefined;
  /** The guest's addresses in its networks. */
  addresses?: readonly Ipv4[] | undefined;
}

/**
 * Waits until the gateway of a machine listens, if it has one. This may happen after this process has entered its jail,
 * but must happen before anything hostile runs in the guest.
 *
 * @throws {SmolvmError} `network` when the gateway has ended, or does not listen in time.
 */
export async function gatewayReady(
  libc: Libc,
  { machine, folder, runtimeFolder, helloTimeoutMs, networks }: RunnerSpec,
): Promise<GatewayFacts> {
  if (!hasGateway(machine)) return {};
  // The logs cannot be reached from inside the jail by path.
  using held = libc.holdFolder(folder);
  const deadline = performance.now() + helloTimeoutMs;
  while (!exists(gatewaySocket(runtimeFolder))) {
    const reason = endOfNetwork(held.path);
    if (reason !== undefined) throw new SmolvmError("network", `Cannot start the machine's network: ${reason}`);
    if (performance.now() > deadline) {
      throw new SmolvmError("network", `The machine's network did not start within ${helloTimeoutMs / 1000} s`);
    }
    await sleep(GATEWAY_POLL_MS);
  }
  return {
    authority: machine.secrets.length > 0 ? Deno.readTextFileSync(authorityFile(runtimeFolder)) : undefined,
    addresses: networks.length > 0 ? readAddresses(runtimeFolder) : [],
  };
}

function readAddresses(runtimeFolder: string): Ipv4[] {
  const lines = Deno.readTextFileSync(addressesFile(runtimeFolder)).trim().split("\n");
  return lines.map((line) => parseIpv4Address(line)!);
}

/** Why the gateway ended early, with its last messages; `undefined` when it has not ended. */
function endOfNetwork(folder: string): string | undefined {
  const [line = ""] = tailOf(networkLog(folder), 1);
  const event = parseEvent(line);
  if (event?.event !== "end") return undefined;
  const words = tailOf(runnerLog(folder), MAX_ERROR_LINES).map((line) => `\n  ${line}`);
  return `${event.reason ?? "its gateway ended"}${words.length > 0 ? `; its last messages:${words.join("")}` : ""}`;
}

/** The part of a spec that determines whether the machine has a gateway. */
type NetworkOf = { machine: Parameters<typeof hasGateway>[0] };

/** The network device for libkrun. */
export function networkDevice({ machine, runtimeFolder }: Pick<RunnerSpec, "runtimeFolder"> & NetworkOf) {
  if (!hasGateway(machine)) return undefined;
  return { socket: gatewaySocket(runtimeFolder), mac: GUEST_LINK.guestMac as Uint8Array<ArrayBuffer> };
}

/** The network interfaces of the guest. */
export function guestInterfaces({ machine }: NetworkOf, { addresses = [] }: GatewayFacts = {}): GuestInterface[] {
  if (!hasGateway(machine)) return [];
  const { guest, gateway, mtu, guest6, gateway6 } = GUEST_LINK;
  const ipv6 = { address6: guest6, prefix6: LINK_PREFIX6, gateway6 };
  // Linux names the further addresses of an interface `eth0:1` and so on.
  const more = addresses.map((address, index): GuestInterface => ({
    ...{ name: `eth0:${index + 1}`, address, prefix: SUBNET_PREFIX, gateway: 0, mtu },
    ...{ address6: 0n, prefix6: 0, gateway6: 0n },
  }));
  return [{ name: "eth0", address: guest, prefix: LINK_PREFIX, gateway, mtu, ...ipv6 }, ...more];
}

/** The contents of the guest's files for name resolution. */
export function networkFiles({ machine }: RunnerSpec): { resolvConf: string; hosts: string } | undefined {
  if (!hasGateway(machine)) return undefined;
  const gateway = formatIpv4(GUEST_LINK.gateway);
  return {
    resolvConf: `nameserver ${gateway}\n`,
    hosts: allowsHost(allowRulesOf(machine)) ? `${gateway} ${HOST_NAME}\n` : "",
  };
}

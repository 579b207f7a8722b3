import { SmolvmError } from "../errors.ts";
import { GUEST_LINK, LINK_PREFIX, MEMBERS_BASE } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import { readMembers } from "../network/member.ts";
import { isReadable, listMachines } from "../state/lookup.ts";
import {
  findNetwork,
  listNetworks as listRecords,
  type NetworkRecord,
  removeNetwork as removeRecord,
  socketsFolder,
} from "../state/networks.ts";

export { createNetwork } from "../state/networks.ts";
export type { NetworkRecord };

/** A network of machines, as a list shows it. */
export interface ListedNetwork extends NetworkRecord {
  /** The names of the machines that are made for it, whether they run or not. */
  machines: string[];
}

/** A machine that is in a network now. */
export interface NetworkMember {
  /** Its name. */
  name: string;
  /** Its IP address, until it ends. */
  address: string;
  /** Further names that the others find it by. */
  aliases: string[];
}

/** All that is known of a network of machines. */
export interface NetworkInfo extends ListedNetwork {
  /** The range of its addresses, such as `192.168.127.0/24`. */
  subnet: string;
  /** The address of each machine's own gateway. */
  gateway: string;
  /** The machines that run, by their addresses. */
  members: NetworkMember[];
}

/**
 * Lists the networks, by their names.
 *
 * @throws {SmolvmError} `state`.
 */
export function listNetworks(): ListedNetwork[] {
  const users = networkUsers();
  return listRecords().map((network) => ({ ...network, machines: users.get(network.name) ?? [] }));
}

/**
 * Looks at a network, and asks its machines who they are.
 *
 * @throws {SmolvmError} `no-network`; `state`.
 */
export async function inspectNetwork(name: string): Promise<NetworkInfo> {
  const network = findNetwork(name);
  const members = await readMembers(socketsFolder(network));
  return {
    ...network,
    machines: networkUsers().get(name) ?? [],
    subnet: `${formatIpv4(MEMBERS_BASE)}/${LINK_PREFIX}`,
    gateway: formatIpv4(GUEST_LINK.gateway),
    members: members.map(({ address, name, aliases }) => ({ name, address: formatIpv4(address), aliases })),
  };
}

/**
 * Removes a network that no machine is made for.
 *
 * @throws {SmolvmError} `machine-state` with the machines that use it; `no-network`; `storage`.
 */
export async function removeNetwork(name: string): Promise<void> {
  await removeRecord(name, () => {
    const users = networkUsers().get(name) ?? [];
    if (users.length === 0) return;
    const [noun, verb] = users.length === 1 ? ["machine", "uses"] : ["machines", "use"];
    const names = users.map((name) => `"${name}"`).join(", ");
    throw new SmolvmError("machine-state", `Cannot remove network "${name}": ${noun} ${names} ${verb} it`, {
      hint: "Delete what uses it first.",
    });
  });
}

/** The names of the machines that use a network, by its name. */
function networkUsers(): Map<string, string[]> {
  const machines = listMachines().filter(isReadable);
  const users = Map.groupBy(machines, ({ record }) => record.networkName ?? "");
  return new Map([...users].map(([network, group]) => [network, group.map(({ record }) => record.name)]));
}

import { SmolvmError } from "../errors.ts";
import { GUEST_LINK } from "../network/guest_link.ts";
import { formatIpv4 } from "../network/ipv4.ts";
import { readMembers } from "../network/member.ts";
import { freeSubnet, parseSubnet, SUBNET_FORM } from "../network/subnet.ts";
import { isReadable, listMachines } from "../state/lookup.ts";
import {
  createNetwork as createRecord,
  findNetwork,
  listNetworks as listRecords,
  type NetworkRecord,
  removeNetwork as removeRecord,
  socketsFolder,
} from "../state/networks.ts";

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
  /** The address of each machine's own gateway. */
  gateway: string;
  /** The machines that run, by their addresses. */
  members: NetworkMember[];
}

/**
 * Makes a network.
 *
 * @param options.subnet the range of its addresses; default: the first that no network has
 * @throws {SmolvmError} `usage` for a name or a range that is invalid or taken; `storage`.
 */
export async function createNetwork(
  name: string,
  options: { subnet?: string | undefined } = {},
): Promise<NetworkRecord> {
  const refuse = (reason: string) => new SmolvmError("usage", `Cannot create the network "${name}": ${reason}`);
  return await createRecord(name, (others) => {
    const subnet = options.subnet ?? freeSubnet(others.map(({ subnet }) => subnet));
    if (subnet === undefined) throw refuse("all ranges of addresses are taken: choose one with --subnet");
    if (parseSubnet(subnet) === undefined) throw refuse(`"${subnet}" is no range for it: expected ${SUBNET_FORM}`);
    const other = others.find((network) => network.subnet === subnet);
    if (other) throw refuse(`the network "${other.name}" has the range ${subnet}`);
    return subnet;
  });
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
  const members = await readMembers(socketsFolder(network), network.subnet);
  return {
    ...network,
    machines: networkUsers().get(name) ?? [],
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
      hint: "Delete the machines first.",
    });
  });
}

/** The names of the machines that use a network, by its name. */
function networkUsers(): Map<string, string[]> {
  const machines = listMachines().filter(isReadable);
  const pairs = machines.flatMap(({ record: { name, networks } }) => networks.map((network) => ({ name, network })));
  const users = Map.groupBy(pairs, ({ network }) => network);
  return new Map([...users].map(([network, group]) => [network, group.map(({ name }) => name)]));
}

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

/** A network, as a list shows it. */
export interface ListedNetwork extends NetworkRecord {
  /** The names of the machines created in it, whether they run or not. */
  machines: string[];
}

/** A machine that is currently in a network. */
export interface NetworkMember {
  /** The machine's name. */
  name: string;
  /** Its IP address in the network, until it ends. */
  address: string;
  /** Additional names by which the other machines find it. */
  aliases: string[];
}

/** The details of a network. */
export interface NetworkInfo extends ListedNetwork {
  /** The address of a machine's gateway. Each machine has its own gateway at this address. */
  gateway: string;
  /** The running machines, sorted by address. */
  members: NetworkMember[];
}

/**
 * Creates a network.
 *
 * @param options.subnet its range of addresses; default: the first that no other network has
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
    if (parseSubnet(subnet) === undefined) throw refuse(`"${subnet}" is not a valid range: expected ${SUBNET_FORM}`);
    const other = others.find((network) => network.subnet === subnet);
    if (other) throw refuse(`the network "${other.name}" has the range ${subnet}`);
    return subnet;
  });
}

/**
 * Lists the networks, sorted by name.
 *
 * @throws {SmolvmError} `state`.
 */
export function listNetworks(): ListedNetwork[] {
  const users = networkUsers();
  return listRecords().map((network) => ({ ...network, machines: users.get(network.name) ?? [] }));
}

/**
 * Returns the details of a network; asks its running machines for theirs.
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
 * Removes a network that no machine uses.
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

/** Maps each network's name to the names of the machines that use it. */
function networkUsers(): Map<string, string[]> {
  const machines = listMachines().filter(isReadable);
  const pairs = machines.flatMap(({ record: { name, networks } }) => networks.map((network) => ({ name, network })));
  const users = Map.groupBy(pairs, ({ network }) => network);
  return new Map([...users].map(([network, group]) => [network, group.map(({ name }) => name)]));
}

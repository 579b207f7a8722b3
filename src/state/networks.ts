import { SmolvmError } from "../errors.ts";
import { exists, makeFolder, removeIfThere } from "../host/files.ts";
import { folders } from "../host/folders.ts";
import { nearestName } from "../nearest.ts";
import { writeFileAtomic } from "../host/atomic_write.ts";
import { acquireLock, type Lock } from "../host/lock.ts";
import { namesIn } from "./machine_folders.ts";
import { generateId } from "./names.ts";
import { readStateFile } from "./state_file.ts";

/** A network that machines can join. */
export interface NetworkRecord {
  /** Its name, which machines and commands use. */
  name: string;
  /** Names the folder of its sockets; never reused. */
  id: string;
  /** Its range of addresses, such as `10.127.0.0/24`; no other network has the same. */
  subnet: string;
  /** When it was created, ISO 8601 in UTC. */
  created: string;
}

const SCHEMA = 1;
/** A DNS label, because machines also find each other as `MACHINE.NETWORK`. */
const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;
const RESERVED = [
  "none",
  "host",
  "bridge",
  "default",
  "private",
  "slirp4netns",
  "pasta",
];

/** Describes a valid name, for messages. */
export const NETWORK_NAME = "up to 63 of a-z 0-9 _ -, the first and last a letter or digit, and no word such as host";

/** Whether this name has a special meaning in docker or podman. */
export function isReservedNetwork(name: string): boolean {
  return RESERVED.includes(name) || /^(container|ns):/.test(name);
}

/** Whether a network can have this name. */
export function isNetworkName(name: string): boolean {
  return NAME.test(name) && !isReservedNetwork(name);
}

/** The folder of the records of networks. */
export function networksFolder(): string {
  return `${folders().state}/networks`;
}

/** The folder with the sockets of a network's running machines. Its path is short, because socket paths are limited. */
export function socketsFolder({ id }: NetworkRecord): string {
  return `${folders().runtime}/${id}`;
}

/** Returns all networks, sorted by name. */
export function listNetworks(): NetworkRecord[] {
  const names = namesIn(networksFolder()).flatMap((file) => /^([^.]+)\.json$/.exec(file)?.[1] ?? []);
  return names.sort().map(readNetwork).filter((network) => network !== undefined);
}

/**
 * Finds a network by its name.
 *
 * @throws {SmolvmError} `no-network`, with the nearest name; `state`.
 */
export function findNetwork(name: string): NetworkRecord {
  const network = isNetworkName(name) ? readNetwork(name) : undefined;
  if (network) return network;
  const nearest = nearestName(name, listNetworks().map(({ name }) => name));
  throw new SmolvmError("no-network", `No such network: "${name}"`, {
    hint: nearest === undefined ? `Make it: smolvm network create ${name}` : `Did you mean "${nearest}"?`,
  });
}

/**
 * Creates a network.
 *
 * @param chooseSubnet returns its range of addresses, or throws if there is none
 * @throws {SmolvmError} `usage` for a name that is invalid or taken; `storage`; what `chooseSubnet` throws.
 */
export async function createNetwork(
  name: string,
  chooseSubnet: (others: readonly NetworkRecord[]) => string,
): Promise<NetworkRecord> {
  const refuse = (reason: string) => new SmolvmError("usage", `Cannot create the network "${name}": ${reason}`);
  if (!isNetworkName(name)) throw refuse(`expected ${NETWORK_NAME}`);
  using _ = await lockNetworks();
  if (exists(recordFile(name))) throw refuse("a network with that name exists");
  const subnet = chooseSubnet(listNetworks());
  const network = { name, id: generateId(), subnet, created: new Date().toISOString() };
  await writeFileAtomic(recordFile(name), `${JSON.stringify({ schema: SCHEMA, ...network }, undefined, 2)}\n`, {
    mode: 0o600,
  });
  return network;
}

/**
 * Removes a network.
 *
 * @param check throws if the network must not be removed
 * @throws {SmolvmError} `no-network`; `storage`; what `check` throws.
 */
export async function removeNetwork(name: string, check: (network: NetworkRecord) => void): Promise<void> {
  findNetwork(name);
  using _ = await lockNetworks();
  const network = findNetwork(name);
  check(network);
  await removeIfThere(recordFile(name));
  await removeIfThere(socketsFolder(network));
}

function recordFile(name: string): string {
  return `${networksFolder()}/${name}.json`;
}

async function lockNetworks(): Promise<Lock> {
  await makeFolder(networksFolder());
  return await acquireLock(`${networksFolder()}/.lock`, { exclusive: true, wait: true });
}

function readNetwork(name: string): NetworkRecord | undefined {
  const fields = readStateFile(recordFile(name), SCHEMA);
  if (fields === undefined) return undefined;
  const network = {
    name: fields.string("name"),
    id: fields.string("id"),
    subnet: fields.string("subnet"),
    created: fields.string("created"),
  };
  fields.end();
  return network;
}

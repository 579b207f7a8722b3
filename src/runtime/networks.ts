import type { ListedNetwork, NetworkInfo, NetworkMember, NetworkRecord } from "../machine/networks.ts";

export type { ListedNetwork, NetworkInfo, NetworkMember, NetworkRecord };

/** Networks: the machines in one network reach each other by name and address. */
export const Networks = {
  /**
   * Creates a network. Machines join it when they are created: see `networks` in {@linkcode MachineSettings}.
   *
   * @param options.subnet its range of addresses: a private /24, such as `10.5.0.0/24`; default: the first one of
   * `10.127.0.0/16` that no other network has
   * @throws {SmolvmError} `usage` for a name or a range that is invalid or taken; `storage`.
   */
  async create(name: string, options: { subnet?: string | undefined } = {}): Promise<NetworkRecord> {
    const { createNetwork } = await import("../machine/networks.ts");
    return await createNetwork(name, options);
  },

  /**
   * Lists the networks, sorted by name.
   *
   * @throws {SmolvmError} `state`.
   */
  async list(): Promise<ListedNetwork[]> {
    const { listNetworks } = await import("../machine/networks.ts");
    return listNetworks();
  },

  /**
   * Returns the details of a network and the machines that are currently in it.
   *
   * @throws {SmolvmError} `no-network`; `state`.
   */
  async inspect(name: string): Promise<NetworkInfo> {
    const { inspectNetwork } = await import("../machine/networks.ts");
    return await inspectNetwork(name);
  },

  /**
   * Removes a network that no machine uses.
   *
   * @throws {SmolvmError} `machine-state` with the machines that use it; `no-network`; `storage`.
   */
  async remove(name: string): Promise<void> {
    const { removeNetwork } = await import("../machine/networks.ts");
    await removeNetwork(name);
  },
} as const;

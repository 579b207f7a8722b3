import type { ListedNetwork, NetworkInfo, NetworkMember, NetworkRecord } from "../machine/networks.ts";

export type { ListedNetwork, NetworkInfo, NetworkMember, NetworkRecord };

/** Networks of machines: those of one reach each other by name and address. */
export const Networks = {
  /**
   * Makes a network, to be named when a machine is created.
   *
   * @param options.subnet the range of its addresses, private and of 24 bits, such as `10.5.0.0/24`; default: the first
   * of `10.127.0.0/16` that no network has
   * @throws {SmolvmError} `usage` for a name or a range that is invalid or taken; `storage`.
   */
  async create(name: string, options: { subnet?: string | undefined } = {}): Promise<NetworkRecord> {
    const { createNetwork } = await import("../machine/networks.ts");
    return await createNetwork(name, options);
  },

  /**
   * Lists the networks, by their names.
   *
   * @throws {SmolvmError} `state`.
   */
  async list(): Promise<ListedNetwork[]> {
    const { listNetworks } = await import("../machine/networks.ts");
    return listNetworks();
  },

  /**
   * Looks at a network and at the machines that are in it now.
   *
   * @throws {SmolvmError} `no-network`; `state`.
   */
  async inspect(name: string): Promise<NetworkInfo> {
    const { inspectNetwork } = await import("../machine/networks.ts");
    return await inspectNetwork(name);
  },

  /**
   * Removes a network that no machine is made for.
   *
   * @throws {SmolvmError} `machine-state` with the machines that use it; `no-network`; `storage`.
   */
  async remove(name: string): Promise<void> {
    const { removeNetwork } = await import("../machine/networks.ts");
    await removeNetwork(name);
  },
} as const;

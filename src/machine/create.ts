import { createMachine as makeMachine } from "../state/machines.ts";
import { diskFile } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { createDisk } from "../storage/disk.ts";
import { describeMachine, type DescribeOptions } from "./describe.ts";

/**
 * Creates a persistent machine without starting it.
 *
 * @param options `boots`: whether the caller starts it next
 * @throws {SmolvmError} for any option that cannot be honoured. Leaves nothing behind then but a pulled image.
 */
export async function createMachine(options: DescribeOptions & { boots: boolean }): Promise<MachineRecord> {
  const { machine, root } = await describeMachine(options, options);
  using _ = root;
  const { diskBytes: sizeBytes } = machine;
  await makeMachine(machine, (folder) => createDisk(diskFile(folder), { sizeBytes, durable: true }));
  return machine;
}

import { createMachine as makeMachine } from "../state/machines.ts";
import { diskFile } from "../state/machine_folders.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { createDisk } from "../storage/disk.ts";
import { describeMachine, type DescribeOptions } from "./describe.ts";

/**
 * Makes a machine that persists, to be started later.
 *
 * @param options whether it is to boot next, beside what it is
 * @throws {SmolvmError} for anything that cannot be honoured; nothing is left then but an image that was pulled.
 */
export async function createMachine(options: DescribeOptions & { boots: boolean }): Promise<MachineRecord> {
  const { machine, root } = await describeMachine(options, options);
  using _ = root;
  const { diskBytes: sizeBytes } = machine;
  await makeMachine(machine, (folder) => createDisk(diskFile(folder), { sizeBytes, durable: true }));
  return machine;
}

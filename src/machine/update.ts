import { SmolvmError } from "../errors.ts";
import { checkResources } from "../host/vm_limits.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import {
  formatGuestPort,
  type GuestPort,
  type MachineRecord,
  type PortSpec,
  type VolumeSpec,
} from "../state/machine_record.ts";
import { changeRecord, lockMachine } from "../state/machines.ts";
import { keyOf, mergeEnvironment } from "./command.ts";
import { resolvePorts } from "./ports.ts";
import { orderVolumes, resolveVolumes } from "./volume.ts";

/** What is to be changed of a machine; removals come first. */
export interface MachineChanges {
  cpus?: number | undefined;
  /** In MiB. */
  memoryMib?: number | undefined;
  /** Absolute path in the guest. */
  workdir?: string | undefined;
  /** Variables to set, `KEY=VALUE` each. */
  env: string[];
  /** Keys of variables to remove. */
  envRm: string[];
  volumes: VolumeSpec[];
  /** Where volumes to remove are in the guest. */
  volumeRm: string[];
  /** A host port of 0 stands for any that is free now. */
  ports: PortSpec[];
  /** Ports of the guest that are no longer published. */
  portRm: GuestPort[];
}

/**
 * Changes a machine from its next start on.
 *
 * @throws {SmolvmError} `machine-state` when it runs; for what it cannot be, or does not have that is to be removed.
 */
export async function updateMachine(machine: ReadableMachine, changes: MachineChanges): Promise<void> {
  // A start waits for this lock.
  using lock = machine.ephemeral ? undefined : await lockMachine(machine.folder);
  if (lock === undefined) {
    throw new SmolvmError("machine-state", `Cannot update machine "${machine.record.name}": it is running`, {
      hint: "Stop it first.",
    });
  }
  await changeRecord(machine.folder, (record) => changed(record, changes));
}

/**
 * What a machine is with those changes.
 *
 * @throws {SmolvmError} for what it cannot be, or does not have that is to be removed.
 */
export function changed(record: MachineRecord, changes: MachineChanges): MachineRecord {
  const { cpus = record.cpus, memoryMib = record.memoryMib, workdir: cwd = record.command.cwd } = changes;
  checkResources({ cpus, memoryMib });
  const env = without(record.command.env, changes.envRm, { keyOf, named: (key) => `the variable "${key}"` });
  const volumes = without(record.volumes, changes.volumeRm, {
    keyOf: ({ target }) => target,
    named: (target) => `the volume at "${target}"`,
  });
  const ports = without(record.ports, changes.portRm.map(formatGuestPort), {
    keyOf: formatGuestPort,
    named: (port) => `the published port ${port}`,
  });
  return {
    ...record,
    cpus,
    memoryMib,
    // Those that it has may be gone for now; its start says so.
    volumes: orderVolumes([...volumes, ...resolveVolumes(changes.volumes)]),
    ports: resolvePorts([...ports, ...changes.ports]),
    command: { ...record.command, cwd, env: mergeEnvironment([...env, ...changes.env]) },
  };
}

/** How items that are to be removed are known. */
interface Naming<T, K> {
  keyOf: (item: T) => K;
  /** What has such a key, for messages. */
  named: (key: K) => string;
}

function without<T, K>(items: readonly T[], keys: readonly K[], { keyOf, named }: Naming<T, K>): T[] {
  const missing = keys.find((key) => !items.some((item) => keyOf(item) === key));
  if (missing !== undefined) throw new SmolvmError("usage", `Cannot remove ${named(missing)}: the machine has none`);
  return items.filter((item) => !keys.includes(keyOf(item)));
}

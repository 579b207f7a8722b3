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

/** Changes of a machine; removals are done first. */
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
  /** The mount points in the guest of volumes to remove. */
  volumeRm: string[];
  /** A host port of 0 stands for any free port. */
  ports: PortSpec[];
  /** Ports of the guest to publish no longer. */
  portRm: GuestPort[];
}

/**
 * Changes the settings of a machine from its next start on.
 *
 * @throws {SmolvmError} `machine-state` when it runs; for invalid settings, and for a removal of something missing.
 */
export async function updateMachine(machine: ReadableMachine, changes: MachineChanges): Promise<void> {
  // A concurrent start waits for this lock.
  using lock = machine.ephemeral ? undefined : await lockMachine(machine.folder);
  if (lock === undefined) {
    throw new SmolvmError("machine-state", `Cannot update machine "${machine.record.name}": it is running`, {
      hint: "Stop it first.",
    });
  }
  await changeRecord(machine.folder, (record) => changed(record, changes));
}

/**
 * Returns a machine's record with these changes.
 *
 * @throws {SmolvmError} for invalid settings, and for a removal of something missing.
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
    // Do not resolve the existing volumes: their folders may be missing now, and the next start reports that.
    volumes: orderVolumes([...volumes, ...resolveVolumes(changes.volumes)]),
    ports: resolvePorts([...ports, ...changes.ports]),
    command: { ...record.command, cwd, env: mergeEnvironment([...env, ...changes.env]) },
  };
}

/** How to identify the items to remove. */
interface Naming<T, K> {
  keyOf: (item: T) => K;
  /** Describes the item with this key, for error messages. */
  named: (key: K) => string;
}

function without<T, K>(items: readonly T[], keys: readonly K[], { keyOf, named }: Naming<T, K>): T[] {
  const missing = keys.find((key) => !items.some((item) => keyOf(item) === key));
  if (missing !== undefined) throw new SmolvmError("usage", `Cannot remove ${named(missing)}: the machine has none`);
  return items.filter((item) => !keys.includes(keyOf(item)));
}

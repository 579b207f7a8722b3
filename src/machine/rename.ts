import { SmolvmError } from "../errors.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { renameMachine as giveName } from "../state/machines.ts";

/**
 * Renames a machine, even while it runs. Its host name and its other settings stay the same.
 *
 * @throws {SmolvmError} `usage` for a name that is invalid or taken; `machine-state` for an ephemeral machine.
 */
export async function renameMachine({ id, record, ephemeral }: ReadableMachine, name: string): Promise<void> {
  if (ephemeral) {
    throw new SmolvmError("machine-state", `Cannot rename machine "${record.name}": it is removed when its run ends`);
  }
  await giveName(id, name);
}

import { SmolvmError } from "../errors.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { renameMachine as giveName } from "../state/machines.ts";

/**
 * Gives a machine another name, also while it runs. Its host name and what else it is stay as they are.
 *
 * @throws {SmolvmError} `usage` for a name that is none or is taken; `machine-state` for a machine of `run`.
 */
export async function renameMachine({ id, record, ephemeral }: ReadableMachine, name: string): Promise<void> {
  if (ephemeral) {
    throw new SmolvmError("machine-state", `Cannot rename machine "${record.name}": it is removed when its run ends`);
  }
  await giveName(id, name);
}

import { SmolvmError } from "../errors.ts";
import { findMachine, isReadable, type Machine } from "../state/lookup.ts";

export { isLive, STATES } from "../state/status.ts";
export { type FoundMachine, isReadable, listMachines, type Machine, nameOf } from "../state/lookup.ts";
export { findMachine };

/**
 * The machine with that name or beginning of its id.
 *
 * @throws {SmolvmError} `no-machine`; `state` when its files cannot be read.
 */
export function openMachine(nameOrId: string): Machine {
  const machine = findMachine(nameOrId);
  if (isReadable(machine)) return machine;
  throw new SmolvmError("state", `Cannot read machine "${nameOrId}": ${machine.error.message}`, {
    hint: machine.error.hint,
  });
}

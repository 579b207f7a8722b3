import { SmolvmError } from "../errors.ts";
import { findMachine, isReadable, type ReadableMachine, type UnreadableMachine } from "../state/lookup.ts";

export { isLive } from "../state/status.ts";
export { findMachineById, type FoundMachine, listMachines } from "../state/lookup.ts";
export { findMachine, isReadable, type ReadableMachine };

/**
 * Finds a machine by its name or the unique beginning of its id.
 *
 * @throws {SmolvmError} `no-machine`; `state` when its files cannot be read.
 */
export function openMachine(nameOrId: string): ReadableMachine {
  const machine = findMachine(nameOrId);
  if (isReadable(machine)) return machine;
  throw unreadable(machine, nameOrId);
}

/** The error for a machine whose files cannot be read; `name` is the name or id that the user gave. */
export function unreadable({ error }: UnreadableMachine, name: string): SmolvmError {
  const { message, hint } = error;
  return new SmolvmError("state", `Cannot read machine "${name}": ${message}`, { hint });
}

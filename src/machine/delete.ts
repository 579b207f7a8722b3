import { SmolvmError } from "../errors.ts";
import { type FoundMachine, isReadable, nameOf, type ReadableMachine } from "../state/lookup.ts";
import { lockMachine, removeMachine } from "../state/machines.ts";
import { isLive } from "../state/status.ts";
import { killMachine } from "./stop.ts";

/** How a machine is to be deleted. */
export interface DeleteOptions {
  /** Also one that runs, whose VM is killed, and one whose files cannot be read. */
  force: boolean;
}

/**
 * Deletes a machine with its disk and its logs.
 *
 * @throws {SmolvmError} `machine-state` when it runs; `state` when it cannot be read.
 */
export async function deleteMachine(machine: FoundMachine, { force }: DeleteOptions): Promise<void> {
  checkDeletable(machine, { force });
  if (isReadable(machine)) {
    if (isRunning(machine)) await killMachine(machine);
    // It is gone with its VM.
    if (machine.ephemeral) return;
  }
  using lock = await lockMachine(machine.folder);
  if (lock === undefined) throw stillRunning(machine);
  await removeMachine(machine.id);
}

/**
 * Makes sure that a machine can be deleted, as far as that can be seen.
 *
 * @throws {SmolvmError} like {@linkcode deleteMachine}.
 */
export function checkDeletable(machine: FoundMachine, { force }: DeleteOptions): void {
  if (!isReadable(machine)) checkUnreadable(machine.error, machine.folder, force);
  else if (isRunning(machine) && !force) throw stillRunning(machine);
}

function isRunning({ ephemeral, status }: ReadableMachine): boolean {
  return ephemeral || isLive(status.state);
}

function checkUnreadable({ message }: SmolvmError, folder: string, force: boolean): void {
  if (!force) {
    throw new SmolvmError("state", `Cannot delete a machine that cannot be read: ${message}`, {
      hint: "Delete it anyway: smolvm delete --force",
    });
  }
  const { uid } = Deno.lstatSync(folder);
  if (uid !== Deno.uid()) {
    throw new SmolvmError("state", `Cannot delete "${folder}": it belongs to the user with id ${uid}`);
  }
}

function stillRunning(machine: FoundMachine): SmolvmError {
  return new SmolvmError("machine-state", `Cannot delete machine "${nameOf(machine)}": it is running`, {
    hint: "Stop it first, or delete it with --force.",
  });
}

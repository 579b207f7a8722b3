import assert from "node:assert/strict";
import { makeMachineFolder, makeRecord } from "../../tests/helpers/machines.ts";
import { pause } from "../../tests/helpers/until.ts";
import { acquireLock } from "../host/lock.ts";
import { CREATED, type MachineState, writeStatus } from "../state/status.ts";
import { machineLock } from "../state/machine_folders.ts";
import { killMachine } from "./stop.ts";

/** Kills a machine in this state whose process is unknown and keeps its lock for another 30 ms. */
async function killHeld(state: MachineState): Promise<{ freed: boolean }> {
  using temp = makeMachineFolder();
  const { path: folder } = temp;
  const status = { ...CREATED, state };
  await writeStatus(folder, status);
  const lock = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
  const held = { freed: false };
  const moment = pause(30).then(() => {
    held.freed = true;
    lock[Symbol.dispose]();
  });
  try {
    await killMachine({ id: "a", folder, runtimeFolder: folder, ephemeral: false, record: makeRecord(), status });
    return { ...held };
  } finally {
    await moment;
  }
}

Deno.test("killMachine() waits for the process of a failed machine, which is about to exit", async () => {
  assert.deepEqual(await killHeld("failed"), { freed: true });
});

Deno.test("killMachine() reports when the machine's process is unknown", async () => {
  await assert.rejects(killHeld("starting"), {
    code: "machine-state",
    message: /the process that holds it is unknown$/,
  });
});

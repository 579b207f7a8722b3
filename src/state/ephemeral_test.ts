import assert from "node:assert/strict";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { acquireLockSync } from "../host/lock.ts";
import { abandonedEphemerals, removeEphemeralMachine, sweepEphemeralMachines } from "./ephemeral.ts";
import { createMachineFolder, createRuntimeFolder, ephemeralFolders } from "./machine_folders.ts";
import { createMachine, hasName } from "./machines.ts";
import { claimName, holderOf } from "./names.ts";
import { warmFile } from "./warm.ts";

const machine = (id: string) => ({ id, name: `machine-${id}`, ...ephemeralFolders(id) });

/** Makes a named ephemeral machine like a runner does. */
async function makeMachine(id: string) {
  const made = machine(id);
  const lock = createMachineFolder(made.folder);
  createRuntimeFolder(made);
  await claimName(made, hasName);
  return { ...made, lock };
}

Deno.test("removeEphemeralMachine() removes the files and the name, and accepts missing files", () =>
  withMachines(async () => {
    const gone = await makeMachine("1");
    await Deno.writeTextFile(`${gone.runtimeFolder}/agent.sock`, "");
    for (let time = 0; time < 2; time++) await removeEphemeralMachine(gone);
    gone.lock[Symbol.dispose]();
    assert.deepEqual([exists(gone.folder), exists(gone.runtimeFolder)], [false, false]);
    await claimName({ name: gone.name, id: "2" }, hasName);
  }));

Deno.test("sweepEphemeralMachines() removes only machines that no process runs", () =>
  withMachines(async () => {
    const [dead, alive] = [await makeMachine("1"), await makeMachine("2")];
    dead.lock[Symbol.dispose]();
    assert.deepEqual(abandonedEphemerals(), [dead.folder]);
    await sweepEphemeralMachines();
    for (const path of [dead.folder, dead.runtimeFolder]) assert.equal(exists(path), false, path);
    for (const path of [alive.folder, alive.runtimeFolder]) assert.equal(exists(path), true, path);
    await claimName({ name: dead.name, id: "3" }, hasName);
    await assert.rejects(claimName({ name: alive.name, id: "3" }, hasName), { code: "usage" });
    await removeEphemeralMachine(alive);
    alive.lock[Symbol.dispose]();
  }));

Deno.test("sweepEphemeralMachines() keeps a taken warm machine while its smolvm-jail will boot a replacement", () =>
  withMachines(async () => {
    const { folder, lock } = await makeMachine("1");
    lock[Symbol.dispose]();
    const place = acquireLockSync(warmFile(folder), { exclusive: true });
    await sweepEphemeralMachines();
    assert.ok(exists(folder));
    place[Symbol.dispose]();
    await sweepEphemeralMachines();
    assert.ok(!exists(folder));
  }));

Deno.test("sweepEphemeralMachines() removes the name that an interrupted rename left, and no other", () =>
  withMachines(async () => {
    const { lock } = await makeMachine("1");
    const record = makeRecord({ name: "web" });
    await createMachine(record, () => {});
    await claimName({ name: "old", id: record.id }, hasName);
    await sweepEphemeralMachines();
    assert.deepEqual(["old", "web", "machine-1"].map(holderOf), [undefined, record.id, "1"]);
    lock[Symbol.dispose]();
  }));

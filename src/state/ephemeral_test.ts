import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { claimEphemeralName, ephemeralFolders, removeEphemeralMachine, sweepEphemeralMachines } from "./ephemeral.ts";
import { createMachineFolders, isRunning } from "./machine_folders.ts";

/** Runs a test with state and runtime folders of its own. */
async function withFolders(test: (folder: string) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  const runtime = `${folder.path}/runtime`;
  using _ = setEnv({ HOME: folder.path, XDG_STATE_HOME: `${folder.path}/state`, XDG_RUNTIME_DIR: runtime });
  await test(folder.path);
}

const machine = (id: string) => ({ id, name: `machine-${id}`, ...ephemeralFolders(id) });

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

Deno.test("createMachineFolders() makes private folders and holds their lock", () =>
  withFolders(async () => {
    const { folder, runtimeFolder } = machine("1");
    assert.equal(await isRunning(folder), false);
    {
      using _lock = await createMachineFolders({ folder, runtimeFolder });
      assert.equal(await isRunning(folder), true);
      for (const path of [folder, runtimeFolder]) assert.equal((await Deno.stat(path)).mode! & 0o777, 0o700);
    }
    assert.equal(await isRunning(folder), false);
  }));

Deno.test("createMachineFolders() takes no folder that is there already", () =>
  withFolders(async () => {
    using _lock = await createMachineFolders(machine("1"));
    await assert.rejects(async () => await createMachineFolders(machine("1")), {
      code: "storage",
      message: `Cannot create the machine's folder "${machine("1").folder}": File exists`,
    });
  }));

Deno.test("createMachineFolders() says why it cannot", () =>
  withFolders(async (folder) => {
    await Deno.writeTextFile(`${folder}/state`, "a file where the folder should be");
    await assert.rejects(async () => await createMachineFolders(machine("1")), {
      code: "storage",
      message: /Not a directory$|File exists$/,
    });
  }));

Deno.test("removeEphemeralMachine() leaves nothing, also of a machine that has nothing", () =>
  withFolders(async () => {
    const gone = machine("1");
    using _lock = await createMachineFolders(gone);
    await claimEphemeralName(gone);
    await Deno.writeTextFile(`${gone.runtimeFolder}/agent.sock`, "");
    for (let time = 0; time < 2; time++) await removeEphemeralMachine(gone);
    assert.deepEqual([await exists(gone.folder), await exists(gone.runtimeFolder)], [false, false]);
    await claimEphemeralName({ name: gone.name, id: "2" });
  }));

Deno.test("sweepEphemeralMachines() removes what no process runs and nothing else", () =>
  withFolders(async () => {
    const [dead, alive] = [machine("1"), machine("2")];
    for (const each of [dead, alive]) {
      const lock = await createMachineFolders(each);
      await claimEphemeralName(each);
      if (each === dead) lock[Symbol.dispose]();
    }
    await sweepEphemeralMachines();
    for (const path of [dead.folder, dead.runtimeFolder]) assert.equal(await exists(path), false, path);
    for (const path of [alive.folder, alive.runtimeFolder]) assert.equal(await exists(path), true, path);
    await claimEphemeralName({ name: dead.name, id: "3" });
    await assert.rejects(claimEphemeralName({ name: alive.name, id: "3" }), { code: "usage" });
    await removeEphemeralMachine(alive);
  }));

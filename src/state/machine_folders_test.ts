import assert from "node:assert/strict";
import { withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { acquireLock, isLocked } from "../host/lock.ts";
import {
  createMachineFolder,
  createRuntimeFolder,
  ephemeralFolders,
  machineExists,
  machineLock,
  machinesFolder,
  namesIn,
  persistentFolders,
  removeMachineFolders,
} from "./machine_folders.ts";

Deno.test("machineExists() is true for persistent machines, and for ephemeral ones while they run", () =>
  withMachines(() => {
    assert.equal(machineExists("1"), false);
    {
      using _ = createMachineFolder(ephemeralFolders("1").folder);
      assert.equal(machineExists("1"), true);
    }
    assert.equal(machineExists("1"), false);
    createMachineFolder(persistentFolders("2").folder)[Symbol.dispose]();
    assert.equal(machineExists("2"), true);
  }));

Deno.test("createMachineFolder() makes a private, locked folder, and fails for an existing one", () =>
  withMachines(() => {
    const { folder } = persistentFolders("1");
    using _ = createMachineFolder(folder);
    assert.equal(isLocked(machineLock(folder)), true);
    for (const path of [machinesFolder(), folder]) assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
    assert.throws(() => createMachineFolder(folder), {
      code: "storage",
      message: `Cannot create the machine's folder "${folder}": File exists`,
    });
    assert.equal(isLocked(machineLock(folder)), true);
  }));

Deno.test("createMachineFolder() releases the parent folder's lock", () =>
  withMachines(async () => {
    using _ = createMachineFolder(persistentFolders("1").folder);
    using lock = await acquireLock(`${machinesFolder()}/.lock`, { exclusive: true, wait: false });
    assert.ok(lock);
  }));

Deno.test("createRuntimeFolder() makes an empty folder, and empties the folder of a killed runner", () =>
  withMachines(() => {
    const folders = persistentFolders("1");
    for (let time = 0; time < 2; time++) {
      createRuntimeFolder(folders);
      assert.deepEqual(namesIn(folders.runtimeFolder), []);
      assert.equal(Deno.statSync(folders.runtimeFolder).mode! & 0o777, 0o700);
      Deno.writeTextFileSync(`${folders.runtimeFolder}/control.sock`, "");
    }
  }));

Deno.test("createRuntimeFolder() reports why it cannot make the folder", () =>
  withMachines((folder) => {
    Deno.writeTextFileSync(`${folder}/runtime`, "");
    const folders = persistentFolders("1");
    assert.throws(() => createRuntimeFolder(folders), {
      code: "storage",
      message: `Cannot create the machine's folder "${folders.runtimeFolder}": Not a directory`,
    });
  }));

Deno.test({
  name: "createRuntimeFolder() refuses a parent folder of another user",
  ignore: Deno.uid() !== 0, // only root can make one
  fn: () =>
    withMachines((folder) => {
      const path = `${folder}/runtime/smolvm`;
      Deno.mkdirSync(path, { recursive: true });
      Deno.chownSync(path, 12345, 12345);
      assert.throws(() => createRuntimeFolder(persistentFolders("1")), {
        code: "state",
        message: `"${path}" belongs to the user with id 12345`,
        hint: "Set XDG_RUNTIME_DIR to a folder of yours.",
      });
    }),
});

Deno.test("removeMachineFolders() removes both folders with their content, if they exist", () =>
  withMachines(async () => {
    const folders = persistentFolders("1");
    createMachineFolder(folders.folder)[Symbol.dispose]();
    createRuntimeFolder(folders);
    Deno.writeTextFileSync(`${folders.runtimeFolder}/control.sock`, "");
    for (let time = 0; time < 2; time++) {
      await removeMachineFolders(folders);
      assert.deepEqual([exists(folders.folder), exists(folders.runtimeFolder)], [false, false]);
    }
    assert.equal(exists(machinesFolder()), true);
  }));

Deno.test("removeMachineFolders() names a folder that cannot be removed", () =>
  withMachines(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    await assert.rejects(removeMachineFolders({ ...persistentFolders("1"), folder: `${folder}/file/x` }), {
      code: "storage",
      message: `Cannot remove "${folder}/file/x": Not a directory`,
    });
  }));

Deno.test("namesIn() lists the names in a folder, and none for a missing folder", () =>
  withMachines((folder) => {
    assert.deepEqual(namesIn(`${folder}/none`), []);
    for (const name of ["a", ".b"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
    assert.deepEqual(namesIn(folder).sort(), [".b", "a"]);
    assert.throws(() => namesIn(`${folder}/a`), {
      code: "state",
      message: `Cannot read "${folder}/a": Not a directory`,
    });
  }));

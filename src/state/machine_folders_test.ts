import assert from "node:assert/strict";
import { withMachines } from "../../tests/helpers/machines.ts";
import { acquireLock, isLocked } from "./lock.ts";
import {
  createMachineFolder,
  createRuntimeFolder,
  ephemeralFolders,
  machineExists,
  machinesFolder,
  namesIn,
  persistentFolders,
  removeMachineFolders,
} from "./machine_folders.ts";
import { machineLock } from "./status.ts";

const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);

Deno.test("machineExists() has persistent machines always, and ephemeral ones while they run", () =>
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

Deno.test("createMachineFolder() makes a locked folder for its owner's eyes only, once", () =>
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

Deno.test("createMachineFolder() does not hold up those who sweep the parent folder", () =>
  withMachines(async () => {
    using _ = createMachineFolder(persistentFolders("1").folder);
    using lock = await acquireLock(`${machinesFolder()}/.lock`, { exclusive: true, wait: false });
    assert.ok(lock);
  }));

Deno.test("createRuntimeFolder() makes an empty folder, also of that of a runner that was killed", () =>
  withMachines(() => {
    const folders = persistentFolders("1");
    for (let time = 0; time < 2; time++) {
      createRuntimeFolder(folders);
      assert.deepEqual(namesIn(folders.runtimeFolder), []);
      assert.equal(Deno.statSync(folders.runtimeFolder).mode! & 0o777, 0o700);
      Deno.writeTextFileSync(`${folders.runtimeFolder}/control.sock`, "");
    }
  }));

Deno.test("createRuntimeFolder() says what keeps it from it", () =>
  withMachines((folder) => {
    Deno.writeTextFileSync(`${folder}/runtime`, "");
    const folders = persistentFolders("1");
    assert.throws(() => createRuntimeFolder(folders), {
      code: "storage",
      message: `Cannot create the machine's folder "${folders.runtimeFolder}": Not a directory`,
    });
  }));

Deno.test({
  name: "createRuntimeFolder() trusts no folder for all of them that another user made",
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

Deno.test("removeMachineFolders() removes both with all that is in them, as far as they are there", () =>
  withMachines(async () => {
    const folders = persistentFolders("1");
    createMachineFolder(folders.folder)[Symbol.dispose]();
    createRuntimeFolder(folders);
    Deno.writeTextFileSync(`${folders.runtimeFolder}/control.sock`, "");
    for (let time = 0; time < 2; time++) {
      await removeMachineFolders(folders);
      assert.deepEqual([await isThere(folders.folder), await isThere(folders.runtimeFolder)], [false, false]);
    }
    assert.equal(await isThere(machinesFolder()), true);
  }));

Deno.test("removeMachineFolders() names what cannot be removed", () =>
  withMachines(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    await assert.rejects(removeMachineFolders({ ...persistentFolders("1"), folder: `${folder}/file/x` }), {
      code: "storage",
      message: `Cannot remove "${folder}/file/x": Not a directory`,
    });
  }));

Deno.test("namesIn() has the names in a folder, and none where there is no folder", () =>
  withMachines((folder) => {
    assert.deepEqual(namesIn(`${folder}/none`), []);
    for (const name of ["a", ".b"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
    assert.deepEqual(namesIn(folder).sort(), [".b", "a"]);
    assert.throws(() => namesIn(`${folder}/a`), {
      code: "state",
      message: `Cannot read "${folder}/a": Not a directory`,
    });
  }));

import assert from "node:assert/strict";
import { mock } from "node:test";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { findMachine } from "../state/lookup.ts";
import { persistentFolders } from "../state/machine_folders.ts";
import { createMachine } from "../state/machines.ts";
import { deleteMachine } from "./delete.ts";

Deno.test("deleteMachine() leaves a folder that belongs to another user alone, even with force", () =>
  withMachines(async () => {
    const { id } = makeRecord();
    const { folder } = persistentFolders(id);
    await createMachine(makeRecord(), () => {});
    Deno.writeTextFileSync(`${folder}/machine.json`, "{");
    const machine = findMachine(id);
    const own = Deno.uid()!;
    // Makes the folder appear to belong to another user.
    const uid = mock.method(Deno, "uid", () => own + 1);
    try {
      await assert.rejects(deleteMachine(machine, { force: true }), {
        code: "state",
        message: `Cannot delete "${folder}": it belongs to the user with id ${own}`,
      });
    } finally {
      uid.mock.restore();
    }
    assert.equal(exists(`${folder}/machine.json`), true);
    await deleteMachine(machine, { force: true });
    assert.equal(exists(folder), false);
  }));

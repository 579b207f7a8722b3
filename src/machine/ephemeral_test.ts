import assert from "node:assert/strict";
import { fakeRoot } from "../../tests/helpers/fake_runner.ts";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { EphemeralMachine } from "./ephemeral.ts";

Deno.test("an ephemeral machine that is ended while it starts ends, and is told to whoever starts it", () =>
  withMachines(async (folder) => {
    const root = fakeRoot(
      folder,
      `touch '${folder}/begun' && cat > '${folder}/spec' && sleep 0.1 && touch '${folder}/ended'`,
    );
    const machine = new EphemeralMachine({ machine: makeRecord(), root }, { isDetached: false });
    const starting = assert.rejects(machine.start({ bootTimeoutMs: 1000 }), {
      code: "interrupted",
      message: 'Machine "web" was ended while it started',
    });
    while (!exists(`${folder}/begun`)) await new Promise((resolve) => setTimeout(resolve, 5));
    await machine[Symbol.asyncDispose]();
    assert.equal(exists(`${folder}/ended`), true);
    await starting;
  }));

import assert from "node:assert/strict";
import { fakeRoot } from "../../tests/helpers/fake_runner.ts";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { exists } from "../host/files.ts";
import { MSG } from "../protocol/constants.ts";
import { CLIENT_STREAM, CONTROL } from "../protocol/control.ts";
import { encodeExited } from "../protocol/messages.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import { EphemeralMachine } from "./ephemeral.ts";
import { ephemeralFolders } from "./launch.ts";
import { pause, until } from "../../tests/helpers/until.ts";

Deno.test("EphemeralMachine ends when disposed of during its start, and start() reports that", () =>
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
    await until(() => exists(`${folder}/begun`));
    await machine[Symbol.asyncDispose]();
    assert.equal(exists(`${folder}/ended`), true);
    await starting;
  }));

Deno.test("EphemeralMachine.wait() returns the exit code after all the machine's files are gone", () =>
  withMachines(async (folder) => {
    const machine = makeRecord();
    const folders = ephemeralFolders(machine.id);
    Deno.mkdirSync(folders.runtimeFolder, { recursive: true });
    using listener = Deno.listen({ transport: "unix", path: controlSocket(folders) });
    const root = fakeRoot(folder, `read -r _ && echo '{"pid":1}' && until [ -e '${folder}/end' ]; do sleep 0.05; done`);
    await using ephemeral = new EphemeralMachine({ machine, root }, { isDetached: false });
    await ephemeral.start({ bootTimeoutMs: 1000 });
    using runner = new FramePeer(await listener.accept());
    assert.equal((await runner.next())?.type, CONTROL.WAIT);
    await runner.send(MSG.EXITED, CLIENT_STREAM, encodeExited({ code: 3 }));
    assert.equal(await runner.next(), undefined);
    Deno.removeSync(folders.runtimeFolder, { recursive: true });
    let code: number | undefined;
    const waiting = ephemeral.wait().then((end) => code = end);
    await pause(20);
    assert.equal(code, undefined, "its process is still there");
    Deno.writeTextFileSync(`${folder}/end`, "");
    assert.equal(await waiting, 3);
    assert.equal(await ephemeral.wait(), 3, "again");
  }));

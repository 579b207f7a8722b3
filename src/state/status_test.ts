import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { type MachineStatus, readStatus, statusFile, writeStatus } from "./status.ts";

const STARTING: MachineStatus = { state: "starting", pid: 7, exit: null, error: null };

Deno.test("readStatus() reads every status that writeStatus() wrote", async () => {
  using folder = makeTempFolder();
  const statuses: MachineStatus[] = [
    STARTING,
    { ...STARTING, state: "running" },
    { ...STARTING, state: "stopped", exit: { code: 255 } },
    { ...STARTING, state: "stopped", exit: { signal: 9 } },
    { ...STARTING, state: "failed", error: { code: "guest", message: "It died", hint: null } },
    { ...STARTING, state: "failed", error: { code: "krun", message: "No", hint: "Do" } },
  ];
  for (const status of statuses) {
    await writeStatus(folder.path, status);
    assert.deepEqual(await readStatus(folder.path), status);
  }
});

Deno.test("readStatus() has nothing of a machine that has no status yet", async () => {
  using folder = makeTempFolder();
  assert.equal(await readStatus(folder.path), undefined);
});

Deno.test("readStatus() names the file and what is wrong in it", async () => {
  using folder = makeTempFolder();
  const path = statusFile(folder.path);
  const written = { schema: 1, ...STARTING };
  const broken: [text: string, message: RegExp][] = [
    ["{", /not the JSON of a status$/],
    [JSON.stringify({ ...written, schema: 2 }), /schema is 2, expected an integer from 1 to 1$/],
    [JSON.stringify({ ...written, state: "asleep" }), /state is a string, expected one of starting, /],
    [JSON.stringify({ ...written, pid: 0 }), /pid is 0, expected /],
    [JSON.stringify({ ...written, exit: { code: 256 } }), /exit: code is 256, expected /],
    [JSON.stringify({ ...written, exit: { signal: 0 } }), /exit: signal is 0, expected /],
    [JSON.stringify({ ...written, error: { code: "odd", message: "", hint: null } }), /error: code is a string/],
    [JSON.stringify({ ...written, extra: 1 }), /unknown key "extra"$/],
  ];
  for (const [text, message] of broken) {
    await Deno.writeTextFile(path, text);
    await assert.rejects(readStatus(folder.path), (error: { code: string; message: string }) => {
      assert.equal(error.code, "state");
      assert.ok(error.message.includes(`"${path}"`), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { acquireLock } from "./lock.ts";
import { STATES } from "./machine_state.ts";
import {
  CREATED,
  machineLock,
  type MachineStatus,
  observeStatus,
  readStatus,
  statusFile,
  writeStatus,
} from "./status.ts";

const STARTING: MachineStatus = { ...CREATED, state: "starting", process: { pid: 7, startTime: "boot:1" } };

Deno.test("readStatus() reads every status that writeStatus() wrote", async () => {
  using folder = makeTempFolder();
  const statuses: MachineStatus[] = [
    CREATED,
    STARTING,
    { ...STARTING, state: "running", started: "2026-11-23T12:00:00.000Z" },
    { ...CREATED, state: "stopped", exit: { code: 255 } },
    { ...CREATED, state: "stopped", exit: { signal: 9 }, reason: "killed" },
    { ...CREATED, state: "failed", error: { code: "guest", message: "It died", hint: null } },
    { ...CREATED, state: "failed", error: { code: "krun", message: "No", hint: "Do" } },
  ];
  for (const status of statuses) {
    await writeStatus(folder.path, status);
    assert.deepEqual(readStatus(folder.path), status);
  }
});

Deno.test("readStatus() has nothing of a machine that has no status yet", () => {
  using folder = makeTempFolder();
  assert.equal(readStatus(folder.path), undefined);
});

Deno.test("readStatus() names the file and what is wrong in it", async () => {
  using folder = makeTempFolder();
  const path = statusFile(folder.path);
  const written = { schema: 1, ...STARTING };
  const broken: [text: string, message: RegExp][] = [
    ["", /is not JSON$/],
    ["{", /is not JSON$/],
    [JSON.stringify(written).slice(0, 40), /is not JSON$/],
    [JSON.stringify({ ...written, schema: 2 }), /has the schema 2, this smolvm knows 1$/],
    [JSON.stringify({ ...written, schema: undefined }), /schema is missing, expected /],
    [JSON.stringify({ ...written, state: "asleep" }), /state is a string, expected one of created, /],
    [JSON.stringify({ ...written, process: { pid: 0, startTime: "" } }), /process: pid is 0, expected /],
    [JSON.stringify({ ...written, exit: { code: 256 } }), /exit: code is 256, expected /],
    [JSON.stringify({ ...written, exit: { signal: 0 } }), /exit: signal is 0, expected /],
    [JSON.stringify({ ...written, error: { code: "odd", message: "", hint: null } }), /error: code is a string/],
    [JSON.stringify({ ...written, extra: 1 }), /unknown key "extra"$/],
  ];
  for (const [text, message] of broken) {
    await Deno.writeTextFile(path, text);
    assert.throws(() => readStatus(folder.path), (error: { code: string; message: string }) => {
      assert.equal(error.code, "state");
      assert.ok(error.message.includes(`"${path}"`), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("observeStatus() takes a machine for lost whose runner is gone, and changes nothing", async () => {
  using folder = makeTempFolder();
  for (const state of STATES) {
    const status: MachineStatus = { ...STARTING, state };
    await writeStatus(folder.path, status);
    const isLive = ["starting", "running", "stopping"].includes(state);
    const lost = { ...status, state: "stopped", process: null, reason: "lost" };
    assert.deepEqual(observeStatus(folder.path), isLive ? lost : status);
    assert.deepEqual(readStatus(folder.path), status);
    using _ = await acquireLock(machineLock(folder.path), { exclusive: true, wait: true });
    assert.deepEqual(observeStatus(folder.path), status, "its runner holds the lock");
  }
});

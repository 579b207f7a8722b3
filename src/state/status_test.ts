import assert from "node:assert/strict";
import { makeMachineFolder } from "../../tests/helpers/machines.ts";
import { acquireLock } from "../host/lock.ts";
import { STATES } from "./machine_state.ts";
import { identifyProcess } from "../host/process_identity.ts";
import { machineLock, statusFile } from "./machine_folders.ts";
import { writeProcess } from "./machine_process.ts";
import { CREATED, type MachineStatus, observeStatus, readStatus, writeStatus } from "./status.ts";

const STARTING: MachineStatus = { ...CREATED, state: "starting", process: { pid: 7, startTime: "boot:1" } };

Deno.test("readStatus() reads every status that writeStatus() wrote", async () => {
  using folder = makeMachineFolder();
  const statuses: MachineStatus[] = [
    CREATED,
    STARTING,
    { ...STARTING, state: "running", started: "2026-11-23T12:00:00.000Z" },
    { ...CREATED, state: "stopped", exit: { code: 255 } },
    { ...CREATED, state: "stopped", exit: { signal: 9 }, reason: "killed" },
    { ...CREATED, state: "stopped", exit: { signal: 9 }, oomKilled: true },
    { ...CREATED, state: "failed", error: { code: "guest", message: "It died", hint: null } },
    { ...CREATED, state: "failed", error: { code: "krun", message: "No", hint: "Do" } },
  ];
  writeProcess(folder.path, STARTING.process!);
  for (const status of statuses) {
    await writeStatus(folder.path, status);
    assert.deepEqual(readStatus(folder.path), status);
  }
});

Deno.test("readStatus() returns undefined for a machine without a status", () => {
  using folder = makeMachineFolder();
  assert.equal(readStatus(folder.path), undefined);
});

Deno.test("readStatus() names the file and the fault in it", async () => {
  using folder = makeMachineFolder();
  const path = statusFile(folder.path);
  const written = { schema: 2, ...STARTING };
  const broken: [text: string, message: RegExp][] = [
    ["", /is not JSON$/],
    ["{", /is not JSON$/],
    [JSON.stringify(written).slice(0, 40), /is not JSON$/],
    [JSON.stringify({ ...written, schema: 3 }), /has schema 3, but this smolvm supports up to 2$/],
    [JSON.stringify({ ...written, started: "\x1b[2J" }), /started is a string, expected a time such as /],
    [JSON.stringify({ ...written, state: "asleep" }), /state is a string, expected one of created, /],
    [JSON.stringify({ ...written, process: { pid: 0, startTime: "" } }), /process: pid is 0, expected /],
    [JSON.stringify({ ...written, exit: { code: 256 } }), /exit: code is 256, expected /],
    [JSON.stringify({ ...written, exit: { signal: 0 } }), /exit: signal is 0, expected /],
    [JSON.stringify({ ...written, error: { code: "odd", message: "", hint: null } }), /error: code is a string/],
    [JSON.stringify({ ...written, extra: 1 }), /unknown key "extra"$/],
  ];
  for (const [text, message] of broken) {
    await Deno.writeTextFile(path, text);
    const { error, ...status } = readStatus(folder.path)!;
    assert.deepEqual({ ...status, error: null }, { ...CREATED, state: "failed" });
    assert.equal(error?.code, "state");
    assert.ok(error.message.includes(`"${path}"`), error.message);
    assert.match(error.message, message);
  }
});

Deno.test("observeStatus() reports a machine as lost whose runner is gone, and changes nothing", async () => {
  using folder = makeMachineFolder();
  writeProcess(folder.path, STARTING.process!);
  for (const state of STATES) {
    const isLive = ["starting", "running", "stopping"].includes(state);
    const status: MachineStatus = { ...STARTING, state, process: isLive ? STARTING.process : null };
    await writeStatus(folder.path, status);
    const lost = { ...status, state: "stopped", process: null, reason: "lost" };
    assert.deepEqual(observeStatus(folder.path), isLive ? lost : status);
    assert.deepEqual(readStatus(folder.path), status);
    using _ = await acquireLock(machineLock(folder.path), { exclusive: true, wait: true });
    assert.deepEqual(observeStatus(folder.path), status, "its runner holds the lock");
  }
});

Deno.test("observeStatus() trusts the lock of a live runner more than the status that its VM can write", async () => {
  using folder = makeMachineFolder();
  const process = identifyProcess(Deno.pid)!;
  writeProcess(folder.path, process);
  await writeStatus(folder.path, { ...CREATED, state: "stopped" });
  using _ = await acquireLock(machineLock(folder.path), { exclusive: true, wait: true });
  assert.deepEqual(observeStatus(folder.path), { ...CREATED, state: "stopping", process });
});

Deno.test("readStatus() ignores a process that is recorded in the VM's folder", async () => {
  using folder = makeMachineFolder();
  const forged = { schema: 1, ...STARTING, process: { pid: 1, startTime: "boot:1" } };
  await Deno.writeTextFile(statusFile(folder.path), JSON.stringify(forged));
  assert.equal(readStatus(folder.path)?.process, null);
  writeProcess(folder.path, STARTING.process!);
  assert.deepEqual(readStatus(folder.path)?.process, STARTING.process);
});

Deno.test("readStatus() reads the status that smolvm 0.2 left in the machine's folder", async () => {
  using folder = makeMachineFolder();
  await Deno.writeTextFile(`${folder.path}/status.json`, JSON.stringify({ schema: 1, ...STARTING }));
  assert.deepEqual(readStatus(folder.path), STARTING);
});

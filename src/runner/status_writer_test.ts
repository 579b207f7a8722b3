import assert from "node:assert/strict";
import { makeMachineFolder } from "../../tests/helpers/machines.ts";
import { vmFolder } from "../state/machine_folders.ts";
import { CREATED, readStatus } from "../state/status.ts";
import { StatusWriter } from "./status_writer.ts";

const STARTED = "2026-11-23T12:00:00.000Z";

Deno.test("StatusWriter.set() updates `current` at once, and settles when the change is on disk", async () => {
  using folder = makeMachineFolder();
  const status = new StatusWriter(folder.path, CREATED);
  assert.equal(readStatus(folder.path), undefined, "nothing is written unasked");
  const set = status.set({ state: "running", started: STARTED });
  const running = { ...CREATED, state: "running", started: STARTED };
  assert.deepEqual(status.current, running);
  await set;
  assert.deepEqual(readStatus(folder.path), running);
  await status.set({ exit: { code: 1 } });
  assert.deepEqual(readStatus(folder.path), { ...running, exit: { code: 1 } });
});

Deno.test("StatusWriter also writes the status of an ephemeral machine for other processes", async () => {
  using folder = makeMachineFolder();
  const status = new StatusWriter(folder.path, CREATED, { ephemeral: true });
  await status.set({ state: "running", started: STARTED });
  assert.deepEqual(readStatus(folder.path), { ...CREATED, state: "running", started: STARTED });
});

Deno.test("StatusWriter writes changes one after the other", async () => {
  using folder = makeMachineFolder();
  const status = new StatusWriter(folder.path, CREATED);
  const states = ["starting", "running", "stopping", "stopped"] as const;
  const seen: unknown[] = [];
  await Promise.all(
    states.map((state) => status.set({ state }).then(() => seen.push(readStatus(folder.path)!.state))),
  );
  assert.deepEqual(readStatus(folder.path)!.state, "stopped");
  assert.equal(seen.at(-1), "stopped");
  assert.equal(seen[0], "starting", "the first has settled before the second was written");
});

Deno.test("StatusWriter writes a change that could not be written together with the next one", async () => {
  using folder = makeMachineFolder();
  const machine = `${folder.path}/machine`;
  const status = new StatusWriter(machine, CREATED);
  const failures = [status.set({ started: STARTED }), status.set({ state: "stopping" })];
  for (const failure of failures) await assert.rejects(failure, { code: "storage" });
  Deno.mkdirSync(vmFolder(machine), { recursive: true });
  await status.set({ exit: { signal: 9 } });
  assert.deepEqual(readStatus(machine), { ...CREATED, state: "stopping", started: STARTED, exit: { signal: 9 } });
});

import assert from "node:assert/strict";
import { makeRecord, withMachines, writeRunning } from "../../tests/helpers/machines.ts";
import { pause } from "../../tests/helpers/until.ts";
import { SmolvmError } from "../errors.ts";
import { acquireLock } from "../host/lock.ts";
import { identifyProcess } from "../host/process_identity.ts";
import { findMachine, isReadable, listMachines } from "./lookup.ts";
import {
  createRuntimeFolder,
  diskFile,
  machineLock,
  machinesFolder,
  namesIn,
  persistentFolders,
} from "./machine_folders.ts";
import {
  abandonedRemains,
  changeRecord,
  createMachine,
  hasName,
  lockMachine,
  removeMachine,
  renameMachine,
} from "./machines.ts";
import { readRecord } from "./machine_record.ts";
import { holderOf } from "./names.ts";
import { CREATED, readStatus, writeStatus } from "./status.ts";

const RECORD = makeRecord();
const folderOf = (id: string) => persistentFolders(id).folder;
const fill = (folder: string) => Deno.writeTextFileSync(diskFile(folder), "disk");

/** The names in the folder of machines, without its lock. */
const machines = () => namesIn(machinesFolder()).filter((name) => name !== ".lock").sort();

/** Makes a folder like a killed process leaves behind: no process holds its lock. */
function leave(name: string): string {
  const folder = `${machinesFolder()}/${name}`;
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(machineLock(folder), "");
  return folder;
}

/** Makes renames slow, so that other operations can run in between, until it is disposed of. */
function slowRename(): Disposable {
  const { rename } = Deno;
  Deno.rename = async (from, to) => {
    await pause(10);
    await rename(from, to);
  };
  return { [Symbol.dispose]: () => void (Deno.rename = rename) };
}

Deno.test("createMachine() creates a complete machine without starting it", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const machine = findMachine(RECORD.name);
    assert.ok(isReadable(machine));
    assert.deepEqual(machine.record, RECORD);
    assert.deepEqual(machine.status, CREATED);
    assert.equal(Deno.readTextFileSync(diskFile(machine.folder)), "disk");
    assert.equal(Deno.statSync(machine.folder).mode! & 0o777, 0o700);
    using lock = await lockMachine(machine.folder);
    assert.ok(lock, "the lock is free");
  }));

Deno.test("createMachine() never shows an incomplete machine", () =>
  withMachines(async () => {
    await createMachine(RECORD, () => {
      assert.deepEqual(listMachines(), []);
      assert.equal(holderOf(RECORD.name), undefined);
    });
    assert.deepEqual(machines(), [RECORD.id]);
  }));

Deno.test("createMachine() leaves no files behind when `fill` fails", () =>
  withMachines(async () => {
    const full = new SmolvmError("storage", "No space");
    await assert.rejects(
      createMachine(RECORD, (folder) => {
        fill(folder);
        throw full;
      }),
      full,
    );
    assert.deepEqual(machines(), []);
    await createMachine(RECORD, fill);
  }));

Deno.test("createMachine() refuses a taken name and keeps its machine unchanged", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    await assert.rejects(createMachine({ ...RECORD, id: "1" }, fill), {
      code: "usage",
      message: `Cannot name the machine "web": machine ${RECORD.id} has that name`,
    });
    assert.deepEqual(machines(), [RECORD.id]);
    assert.equal(holderOf("web"), RECORD.id);
  }));

Deno.test("createMachine() gives a name to only one of several concurrent machines", () =>
  withMachines(async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `${index}`);
    using _ = slowRename();
    const made = await Promise.allSettled(ids.map((id) => createMachine({ ...RECORD, id }, fill)));
    const winners = ids.filter((_, index) => made[index]!.status === "fulfilled");
    assert.equal(winners.length, 1);
    assert.deepEqual(machines(), winners);
    assert.equal(holderOf("web"), winners[0]);
  }));

Deno.test("createMachine() and removeMachine() sweep only folders that no process is making or removing", () =>
  withMachines(async () => {
    for (const name of [".new-1", ".gone-2", ".other", "3"]) leave(name);
    Deno.writeTextFileSync(`${machinesFolder()}/.DS_Store`, "");
    const busy = [leave(".new-4"), leave(".gone-5")];
    const locks = await Promise.all(
      busy.map((folder) => acquireLock(machineLock(folder), { exclusive: true, wait: true })),
    );
    const kept = [".DS_Store", ".gone-5", ".new-4", ".other", "3"];
    const abandoned = [".gone-2", ".new-1"].map((name) => `${machinesFolder()}/${name}`);
    assert.deepEqual(abandonedRemains().sort(), abandoned);
    await createMachine(RECORD, fill);
    assert.deepEqual(machines(), [...kept, RECORD.id].sort());
    leave(".gone-2");
    await removeMachine(RECORD.id);
    assert.deepEqual(machines(), kept);
    for (const lock of locks) lock[Symbol.dispose]();
  }));

Deno.test("createMachine() succeeds even if an abandoned folder cannot be removed", () =>
  withMachines(async () => {
    // This lock cannot be examined.
    Deno.mkdirSync(machinesFolder(), { recursive: true });
    Deno.writeTextFileSync(`${machinesFolder()}/.gone-1`, "");
    await createMachine(RECORD, fill);
    assert.deepEqual(machines(), [".gone-1", RECORD.id]);
  }));

/** Makes a Deno function fail after `after` successful calls, to simulate a kill at that point. */
function failCall(method: "rename" | "remove", after: number): Disposable {
  const original = Deno[method] as (...args: unknown[]) => Promise<void>;
  let calls = 0;
  const cut = (...args: unknown[]) => ++calls > after ? Promise.reject(new Error("Cut off")) : original(...args);
  Object.assign(Deno, { [method]: cut });
  return { [Symbol.dispose]: () => void Object.assign(Deno, { [method]: original }) };
}

/** The names by which the machine can be found. */
function namesOf(id: string, ...names: string[]): string[] {
  return names.filter((name) => {
    try {
      return findMachine(name).id === id;
    } catch {
      return false;
    }
  });
}

Deno.test("renameMachine() renames a machine and frees its old name", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    await renameMachine(RECORD.id, "www");
    assert.deepEqual(readRecord(folderOf(RECORD.id)), { ...RECORD, name: "www" });
    assert.deepEqual(namesOf(RECORD.id, "web", "www"), ["www"]);
    assert.equal(holderOf("web"), undefined);
    await createMachine({ ...RECORD, id: "1" }, fill);
    assert.deepEqual(namesOf("1", "web", "www"), ["web"]);
    await assert.rejects(createMachine({ ...RECORD, id: "2", name: "www" }, fill), { code: "usage" });
  }));

Deno.test("renameMachine() refuses an invalid or taken name, even the machine's own, and changes nothing", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    await createMachine({ ...RECORD, id: "1", name: "db" }, fill);
    await assert.rejects(renameMachine("1", "a b"), { code: "usage" });
    for (const [name, holder] of [["web", RECORD.id], ["db", "1"]]) {
      const message = `Cannot name the machine "${name}": machine ${holder} has that name`;
      await assert.rejects(renameMachine("1", name!), { code: "usage", message });
    }
    assert.deepEqual(namesOf("1", "web", "db"), ["db"]);
    assert.deepEqual(namesOf(RECORD.id, "web", "db"), ["web"]);
  }));

Deno.test("renameMachine() leaves the machine exactly one of the two names when interrupted", () =>
  withMachines(async () => {
    // Interrupt it after adding the new name to the index, and after changing the record.
    for (const [method, after, name] of [["rename", 1, "web"], ["remove", 0, "www"]] as const) {
      await createMachine(RECORD, fill);
      {
        using _ = failCall(method, after);
        await assert.rejects(renameMachine(RECORD.id, "www"));
      }
      assert.deepEqual(namesOf(RECORD.id, "web", "www"), [name]);
      const free = name === "web" ? "www" : "web";
      await createMachine({ ...RECORD, id: "1", name: free }, fill);
      assert.deepEqual(namesOf("1", "web", "www"), [free]);
      assert.deepEqual(namesOf(RECORD.id, "web", "www"), [name]);
      for (const id of [RECORD.id, "1"]) await removeMachine(id);
    }
  }));

Deno.test("renameMachine() fails when the machine is gone, and keeps no name for it", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    await assert.rejects(renameMachine("1", "db"), { code: "state" });
    await createMachine({ ...RECORD, id: "2", name: "db" }, fill);
  }));

Deno.test("hasName() follows the record, and keeps the name of an unreadable machine", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    assert.ok(hasName(RECORD.id, "web"));
    assert.ok(!hasName(RECORD.id, "db"));
    assert.ok(!hasName("1", "web"));
    Deno.writeTextFileSync(`${folderOf(RECORD.id)}/machine.json`, "{");
    assert.ok(hasName(RECORD.id, "web"));
  }));

Deno.test("changeRecord() loses neither a concurrent change nor a concurrent rename", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const folder = folderOf(RECORD.id);
    using _ = slowRename();
    await Promise.all([
      changeRecord(folder, (record) => ({ ...record, cpus: 4 })),
      renameMachine(RECORD.id, "www"),
      changeRecord(folder, (record) => ({ ...record, memoryMib: 256 })),
    ]);
    assert.deepEqual(readRecord(folder), { ...RECORD, name: "www", cpus: 4, memoryMib: 256 });
  }));

Deno.test("changeRecord() changes nothing when `change` throws", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const refusal = new SmolvmError("usage", "No");
    const change = () => {
      throw refusal;
    };
    await assert.rejects(changeRecord(folderOf(RECORD.id), change), refusal);
    assert.deepEqual(readRecord(folderOf(RECORD.id)), RECORD);
  }));

Deno.test("lockMachine() excludes other callers until its lock is disposed of", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const folder = folderOf(RECORD.id);
    const lock = await lockMachine(folder);
    assert.ok(lock);
    await writeRunning(folder, identifyProcess(Deno.pid)!);
    // A waiting caller gets the lock then.
    setTimeout(() => lock[Symbol.dispose](), 100);
    assert.equal(await lockMachine(folder), undefined, "its runner is alive");
    await pause(150);
    using again = await lockMachine(folder);
    assert.ok(again, "the lock is free, even if the status is live");
  }));

Deno.test("lockMachine() waits for an observer, and for a runner that has written its last status", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const folder = folderOf(RECORD.id);
    const dead = { pid: Deno.pid, startTime: "boot:1" };
    for (const enter of [() => writeStatus(folder, CREATED), () => writeRunning(folder, dead)]) {
      await enter();
      const held = await acquireLock(machineLock(folder), { exclusive: false, wait: true });
      const waiting = lockMachine(folder);
      setTimeout(() => held[Symbol.dispose](), 60);
      using lock = await waiting;
      assert.ok(lock);
    }
  }));

Deno.test("lockMachine() fails when the machine is gone, even after waiting", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    const folder = folderOf(RECORD.id);
    const gone = { code: "no-machine", message: "The machine is gone: it was deleted meanwhile" };
    const held = await lockMachine(folder);
    const waiting = assert.rejects(lockMachine(folder), gone);
    await removeMachine(RECORD.id);
    held![Symbol.dispose]();
    await waiting;
    await assert.rejects(lockMachine(folder), gone);
  }));

Deno.test("removeMachine() removes the folders and every name, even if the record is unreadable", () =>
  withMachines(async () => {
    await createMachine(RECORD, fill);
    await createMachine({ ...RECORD, id: "1", name: "db" }, fill);
    const { folder, runtimeFolder } = persistentFolders(RECORD.id);
    createRuntimeFolder({ runtimeFolder });
    Deno.writeTextFileSync(`${runtimeFolder}/control.sock`, "");
    Deno.writeTextFileSync(`${folder}/machine.json`, "{");
    await removeMachine(RECORD.id);
    assert.deepEqual(machines(), ["1"]);
    assert.throws(() => Deno.statSync(runtimeFolder), Deno.errors.NotFound);
    assert.equal(holderOf("web"), undefined);
    assert.equal(holderOf("db"), "1");
    assert.equal(readStatus(folderOf("1"))?.state, "created");
  }));

Deno.test("removeMachine() reports why a machine cannot be removed", () =>
  withMachines(async () => {
    const folder = folderOf("1");
    await assert.rejects(removeMachine("1"), {
      code: "storage",
      message: `Cannot remove "${folder}": No such file or directory`,
    });
  }));

import assert from "node:assert/strict";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { folders } from "../host/folders.ts";
import {
  createMachineFolder,
  diskFile,
  ephemeralFolders,
  machineExists,
  machinesFolder,
  persistentFolders,
  statusFile,
} from "./machine_folders.ts";
import { findMachine, type FoundMachine, isReadable, listMachines } from "./lookup.ts";
import { recordFile, writeRecord } from "./machine_record.ts";
import { createMachine, removeMachine } from "./machines.ts";
import { claimName } from "./names.ts";
import { CREATED, writeStatus } from "./status.ts";

const folderOf = (id: string) => persistentFolders(id).folder;
const nameOf = (machine: FoundMachine) => isReadable(machine) ? machine.record.name : `unreadable ${machine.id}`;
const names = () => listMachines().map(nameOf);
const find = (nameOrId: string) => nameOf(findMachine(nameOrId));

/** Makes a persistent machine, `age` minutes old. */
async function make(id: string, name: string, age = 0): Promise<string> {
  const created = new Date(Date.UTC(2026, 10, 23, 12, -age)).toISOString();
  await createMachine(makeRecord({ id, name, created }), (folder) => Deno.writeTextFileSync(diskFile(folder), ""));
  return folderOf(id);
}

/** Makes an ephemeral machine that runs until its lock is disposed of. */
async function makeEphemeral(id: string, name: string) {
  const { folder } = ephemeralFolders(id);
  const lock = createMachineFolder(folder);
  await writeStatus(folder, { ...CREATED, state: "running" });
  await writeRecord(folder, makeRecord({ id, name }));
  await claimName({ id, name }, machineExists);
  return lock;
}

Deno.test("listMachines() lists the oldest first, and nothing if no machine was ever created", () =>
  withMachines(async (folder) => {
    assert.deepEqual(listMachines(), []);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "it creates no files");
    await make("a", "middle", 5);
    await make("b", "young", 1);
    await make("c", "old", 9);
    assert.deepEqual(names(), ["old", "middle", "young"]);
  }));

Deno.test("listMachines() lists ephemeral machines only while they run", () =>
  withMachines(async () => {
    await make("a", "web", 5);
    {
      using _ = await makeEphemeral("b", "job");
      const [web, job] = listMachines();
      assert.ok(web && job && isReadable(web) && isReadable(job));
      assert.deepEqual([web.ephemeral, job.ephemeral], [false, true]);
      assert.deepEqual([job.record.name, job.status.state], ["job", "running"]);
      assert.deepEqual(find("job"), "job");
    }
    assert.deepEqual(names(), ["web"]);
    assert.throws(() => findMachine("job"), { code: "no-machine" });
  }));

Deno.test("listMachines() leaves out ephemeral machines that are starting, and machines being made or removed", () =>
  withMachines(() => {
    using _ = createMachineFolder(ephemeralFolders("a").folder);
    for (const name of [".new-b", ".gone-c"]) Deno.mkdirSync(`${machinesFolder()}/${name}`, { recursive: true });
    assert.deepEqual(listMachines(), []);
  }));

/** A way to make a machine unreadable, and the expected reason. */
interface Damage {
  what: string;
  damage: (folder: string) => void;
  /** `{}` is the machine's folder. */
  reason: string;
  /** Whether only root can do it. */
  asRoot?: true;
}

const rewrite = (path: string, change: (json: string) => string) =>
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));

const DAMAGES: Damage[] = [
  {
    what: "a truncated record",
    damage: (folder) => rewrite(recordFile(folder), (json) => json.slice(0, 40)),
    reason: '"{}/machine.json" is not JSON',
  },
  {
    what: "a record of a newer smolvm",
    damage: (folder) => rewrite(recordFile(folder), (json) => json.replace('"schema": 1', '"schema": 2')),
    reason: '"{}/machine.json" has schema 2, but this smolvm supports up to 1',
  },
  {
    what: "no record",
    damage: (folder) => Deno.removeSync(recordFile(folder)),
    reason: '"{}/machine.json" is missing',
  },
  {
    what: "the record of another",
    damage: (folder) => rewrite(recordFile(folder), (json) => json.replace('"id": "a"', '"id": "c"')),
    reason: '"{}" holds the files of machine c',
  },
  {
    what: "another owner",
    damage: (folder) => Deno.chownSync(folder, 12345, 12345),
    reason: '"{}" belongs to the user with id 12345',
    asRoot: true,
  },
  {
    what: "a record of another owner",
    damage: (folder) => Deno.chownSync(recordFile(folder), 12345, 12345),
    reason: '"{}/machine.json" belongs to the user with id 12345',
    asRoot: true,
  },
];

for (const { what, damage, reason, asRoot = false } of DAMAGES) {
  Deno.test({
    name: `listMachines() and findMachine() report a machine with ${what} as unreadable, with the reason`,
    ignore: asRoot && Deno.uid() !== 0,
    fn: () =>
      withMachines(async () => {
        const folder = await make("a", "web");
        await make("b", "db");
        damage(folder);
        const [web, ...others] = listMachines();
        assert.ok(web && !isReadable(web));
        assert.deepEqual(others.map(nameOf), ["db"]);
        assert.equal(web.error.code, "state");
        assert.equal(web.error.message, reason.replace("{}", folder));
        // Look it up by the index and by its id.
        for (const nameOrId of ["web", "a"]) assert.deepEqual(findMachine(nameOrId), web);
        assert.equal(find("db"), "db");
      }),
  });
}

Deno.test("listMachines() lists foreign files as unreadable, and still lists the machines", () =>
  withMachines(async () => {
    const folder = await make("a", "web");
    Deno.mkdirSync(`${machinesFolder()}/copy/vm`, { recursive: true });
    for (const name of ["machine.json", "lock", "vm/status.json"]) {
      Deno.copyFileSync(`${folder}/${name}`, `${machinesFolder()}/copy/${name}`);
    }
    Deno.writeTextFileSync(`${machinesFolder()}/file`, "");
    Deno.symlinkSync("/nowhere", `${machinesFolder()}/link`);
    assert.deepEqual(names().sort(), ["unreadable copy", "unreadable file", "unreadable link", "web"]);
    assert.equal(find("web"), "web");
    Deno.renameSync(folder, folderOf("f"));
    assert.deepEqual(names().sort(), ["unreadable copy", "unreadable f", "unreadable file", "unreadable link"]);
  }));

Deno.test("listMachines() never lists a machine that is being deleted as unreadable", () =>
  withMachines(async () => {
    await make("a", "web");
    // Remove the folder between listing it and reading its files.
    const { lstatSync } = Deno;
    Deno.lstatSync = (path) => {
      if (path === folderOf("a")) Deno.renameSync(path, `${machinesFolder()}/.gone-a`);
      return lstatSync(path);
    };
    try {
      assert.deepEqual(names(), []);
    } finally {
      Deno.lstatSync = lstatSync;
    }
  }));

Deno.test("listMachines() reports why the folder of machines cannot be read", () =>
  withMachines(() => {
    Deno.mkdirSync(folders().state, { recursive: true });
    Deno.writeTextFileSync(machinesFolder(), "");
    assert.throws(listMachines, { code: "state", message: `Cannot read "${machinesFolder()}": Not a directory` });
  }));

Deno.test("findMachine() finds by name, by id and by the unique beginning of an id", () =>
  withMachines(async () => {
    await make("abc1", "web");
    await make("abd2", "db");
    await make("c", "abd");
    for (
      const [nameOrId, name] of [["web", "web"], ["abc1", "web"], ["abc", "web"], ["abd2", "db"], ["abd", "abd"]]
    ) assert.equal(find(nameOrId!), name, nameOrId);
    for (const begin of ["ab", "a"]) {
      assert.throws(() => findMachine(begin), {
        code: "usage",
        message: `Cannot tell which machine "${begin}" is: several ids start with it`,
      });
    }
  }));

Deno.test("findMachine() suggests the nearest name, if there is any", () =>
  withMachines(async () => {
    assert.throws(() => findMachine("wbe"), { code: "no-machine", message: 'No such machine: "wbe"', hint: undefined });
    await make("a", "web");
    await make("b", "database");
    assert.throws(() => findMachine("wbe"), { code: "no-machine", hint: 'Did you mean "web"?' });
    assert.throws(() => findMachine("databse"), { code: "no-machine", hint: 'Did you mean "database"?' });
  }));

Deno.test("findMachine() finds no machine for an invalid name", () =>
  withMachines(async () => {
    await make("a", "web");
    for (const name of ["", ".", "..", ".lock", "../names/web", "a\0", "web/", "x".repeat(300), "\u{e4}"]) {
      assert.throws(() => findMachine(name), { code: "no-machine" }, name);
    }
  }));

Deno.test("findMachine() finds machines by name even if the index is lost or wrong", () =>
  withMachines(async () => {
    await make("a", "web");
    await make("b", "db");
    const index = `${folders().state}/names`;
    for (const entry of ["", "b", "c", "../machines/b", "\0"]) {
      Deno.writeTextFileSync(`${index}/web`, entry);
      assert.equal(find("web"), "web", JSON.stringify(entry));
    }
    Deno.removeSync(index, { recursive: true });
    assert.equal(find("web"), "web");
    await removeMachine("a");
    assert.throws(() => findMachine("web"), { code: "no-machine" });
  }));

const STATUS_DAMAGES: [what: string, damage: (path: string) => void, message: string][] = [
  ["garbled", (path) => Deno.writeTextFileSync(path, "\0\0\0"), '"{}" is not JSON'],
  [
    "of a newer smolvm",
    (path) => rewrite(path, (json) => json.replace('"schema":2', '"schema":3')),
    '"{}" has schema 3, but this smolvm supports up to 2',
  ],
  ["missing", (path) => Deno.removeSync(path), '"{}" is missing'],
  [
    "a link",
    (path) => {
      Deno.renameSync(path, `${path}.x`);
      Deno.symlinkSync(`${path}.x`, path);
    },
    '"{}" is not a regular file',
  ],
];

for (const [what, damage, message] of STATUS_DAMAGES) {
  Deno.test(`listMachines() lists a machine whose status a guest has damaged as failed: ${what}`, () =>
    withMachines(async () => {
      const path = statusFile(await make("a", "web"));
      damage(path);
      const [web] = listMachines();
      assert.ok(web && isReadable(web));
      const { state, error } = web.status;
      assert.deepEqual({ state, message: error?.message }, { state: "failed", message: message.replace("{}", path) });
    }));
}

import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { pause } from "../../tests/helpers/until.ts";
import { folders } from "../host/folders.ts";
import {
  checkName,
  claimName,
  generateId,
  generateName,
  holderOf,
  releaseName,
  releaseNames,
  sweepNames,
} from "./names.ts";

/** Runs a test with its own index of names; machines exist while their ids are in `alive`. */
async function withNames(test: (index: { alive: Set<string>; names: () => string[] }) => Promise<void>) {
  using folder = makeTempFolder();
  using _ = setEnv({ HOME: folder.path, XDG_STATE_HOME: `${folder.path}/state` });
  const names = () => filesOf(folder.path).filter((name) => name !== ".lock").sort();
  await test({ alive: new Set(), names });
}

function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(`${folder}/${name}`) : [name]
  );
}

Deno.test("checkName() accepts valid names and refuses others", () => {
  for (const name of ["a", "web-1", "A.b_c", "9lives", "x".repeat(63)]) checkName(name);
  for (const name of ["", "-a", ".a", "a b", "a/b", "..", "a\n", "\u{e4}", "x".repeat(64)]) {
    assert.throws(() => checkName(name), {
      code: "usage",
      message: `Cannot name a machine "${name}": expected a letter or digit, then up to 62 of a-z A-Z 0-9 _ . -`,
    });
  }
});

Deno.test("generateName() and generateId() make valid and different names", () => {
  const names = Array.from({ length: 100 }, generateName);
  for (const name of names) {
    checkName(name);
    assert.match(name, /^[a-z]+-[a-z]+-[0-9a-f]{4}$/);
  }
  // A few of 9 million possible names may collide, but not half.
  assert.ok(new Set(names).size > 50);
  const ids = Array.from({ length: 100 }, generateId);
  for (const id of ids) assert.match(id, /^[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, 100);
});

Deno.test("claimName() gives a name once, and again when its machine is gone", () =>
  withNames(async ({ alive, names }) => {
    const exists = (id: string) => alive.has(id);
    alive.add("1");
    await claimName({ name: "web", id: "1" }, exists);
    await assert.rejects(claimName({ name: "web", id: "2" }, exists), {
      code: "usage",
      message: 'Cannot name the machine "web": machine 1 has that name',
    });
    alive.delete("1");
    await claimName({ name: "web", id: "2" }, exists);
    assert.deepEqual(names(), ["web"]);
  }));

Deno.test("claimName() gives a name to only one of several concurrent claims", () =>
  withNames(async () => {
    const exists = () => true;
    const claims = Array.from({ length: 10 }, (_, index) => claimName({ name: "web", id: `${index}` }, exists));
    const given = (await Promise.allSettled(claims)).filter(({ status }) => status === "fulfilled");
    assert.equal(given.length, 1);
  }));

Deno.test("claimName() establishes the machine before another process can read its name", () =>
  withNames(async ({ alive }) => {
    const exists = (id: string) => alive.has(id);
    const begun = Promise.withResolvers<void>();
    const established = Promise.withResolvers<void>();
    const first = claimName({ name: "web", id: "1" }, exists, async () => {
      begun.resolve();
      await established.promise;
      alive.add("1");
    });
    await begun.promise;
    const second = assert.rejects(claimName({ name: "web", id: "2" }, exists), { code: "usage" });
    await pause(50);
    established.resolve();
    await Promise.all([first, second]);
    assert.equal(holderOf("web"), "1");
  }));

Deno.test("claimName() frees the name when the machine cannot be established, and reports why", () =>
  withNames(async ({ alive }) => {
    const exists = (id: string) => alive.has(id);
    const fail = () => Deno.rename("/none", "/other");
    await assert.rejects(claimName({ name: "web", id: "1" }, exists, fail), {
      code: "storage",
      message: 'Cannot claim the name "web": No such file or directory',
    });
    await claimName({ name: "web", id: "2" }, exists);
    assert.equal(holderOf("web"), "2");
  }));

Deno.test("claimName() establishes nothing under a taken or invalid name", () =>
  withNames(async () => {
    await claimName({ name: "web", id: "1" }, () => true);
    for (const name of ["web", "../web"]) {
      const establish = () => assert.fail("established");
      await assert.rejects(claimName({ name, id: "2" }, () => true, establish), { code: "usage" });
    }
  }));

Deno.test("holderOf() returns undefined for an invalid name or id", () =>
  withNames(async () => {
    await claimName({ name: "web", id: "1a" }, () => true);
    assert.equal(holderOf("web"), "1a");
    for (const name of ["db", "", ".", "..", ".lock", "../names/web", "x".repeat(300)]) {
      assert.equal(holderOf(name), undefined, name);
    }
    for (const id of ["", "..", "1a\n", "\0"]) {
      Deno.writeTextFileSync(`${folders().state}/names/web`, id);
      assert.equal(holderOf("web"), undefined, JSON.stringify(id));
    }
  }));

Deno.test("releaseName() removes a name only for the machine that has it", () =>
  withNames(async ({ names }) => {
    await claimName({ name: "web", id: "1" }, () => true);
    await releaseName({ name: "web", id: "2" });
    assert.deepEqual(names(), ["web"]);
    await releaseName({ name: "web", id: "1" });
    assert.deepEqual(names(), []);
    await releaseName({ name: "web", id: "1" });
  }));

Deno.test("sweepNames() removes the names of machines that are gone", () =>
  withNames(async ({ alive, names }) => {
    const exists = (id: string) => alive.has(id);
    for (const id of ["1", "2"]) await claimName({ name: `machine-${id}`, id }, exists);
    alive.add("2");
    await sweepNames(exists);
    assert.deepEqual(names(), ["machine-2"]);
  }));

Deno.test("sweepNames() removes files of interrupted writes", () =>
  withNames(async ({ names }) => {
    await claimName({ name: "web", id: "1" }, () => true);
    for (const [name, id] of [[`web.${crypto.randomUUID()}.tmp`, ""], [`${"x".repeat(63)}.tmp`, "1"]]) {
      Deno.writeTextFileSync(`${folders().state}/names/${name}`, id!);
    }
    await sweepNames(() => true);
    assert.deepEqual(names(), ["web"]);
  }));

Deno.test("releaseNames() removes every name of one machine", () =>
  withNames(async ({ names }) => {
    for (const [name, id] of [["web", "1"], ["www", "1"], ["db", "2"]]) {
      await claimName({ name: name!, id: id! }, () => true);
    }
    await releaseNames("1");
    assert.deepEqual(names(), ["db"]);
    await releaseNames("3");
    assert.deepEqual(names(), ["db"]);
  }));

import assert from "node:assert/strict";
import { pause } from "../../tests/helpers/until.ts";
import { acquireLock, isLocked, lockFolderSync } from "./lock.ts";

async function withPath(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-lock-" });
  try {
    await test(`${folder}/lock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const now = { exclusive: true, wait: false };

Deno.test("acquireLock() excludes others until it is disposed of", () =>
  withPath(async (path) => {
    {
      using held = await acquireLock(path, { exclusive: true, wait: true });
      assert.equal(held.path, path);
      assert.equal(await acquireLock(path, now), undefined);
      assert.equal(await acquireLock(path, { exclusive: false, wait: false }), undefined);
    }
    using free = await acquireLock(path, now);
    assert.ok(free);
  }));

Deno.test("acquireLock() allows several shared holders, but no exclusive holder beside them", () =>
  withPath(async (path) => {
    using first = await acquireLock(path, { exclusive: false, wait: false });
    using second = await acquireLock(path, { exclusive: false, wait: false });
    assert.ok(first && second);
    assert.equal(await acquireLock(path, now), undefined);
  }));

Deno.test("acquireLock() with wait gets the lock when its holder releases it", () =>
  withPath(async (path) => {
    const held = await acquireLock(path, { exclusive: true, wait: true });
    let got = false;
    const waiting = acquireLock(path, { exclusive: true, wait: true }).then((lock) => {
      got = true;
      return lock;
    });
    await pause(50);
    assert.equal(got, false);
    held[Symbol.dispose]();
    using _lock = await waiting;
    assert.equal(got, true);
  }));

Deno.test("acquireLock() locks the file at the path, not one that was unlinked while it waited", () =>
  withPath(async (path) => {
    const held = await acquireLock(path, { exclusive: true, wait: true });
    const waiting = acquireLock(path, { exclusive: true, wait: true });
    await pause(50);
    await Deno.remove(path);
    held[Symbol.dispose]();
    using _lock = await waiting;
    assert.equal(await acquireLock(path, now), undefined, "the path's lock is free although it was given out");
  }));

Deno.test("acquireLock() is released by the kernel when its process is killed", () =>
  withPath(async (path) => {
    const script = `const { acquireLock } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
      await acquireLock(${JSON.stringify(path)}, { exclusive: true, wait: true });
      console.log("held");
      setInterval(() => {}, 1000);`;
    await using holder = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped" }).spawn();
    const output = holder.stdout.getReader();
    await output.read();
    assert.equal(await acquireLock(path, now), undefined);
    holder.kill("SIGKILL");
    await holder.status;
    await output.cancel();
    using free = await acquireLock(path, now);
    assert.ok(free);
  }));

Deno.test("acquireLock() names the file that cannot be locked", () =>
  withPath(async (path) => {
    await assert.rejects(() => acquireLock(`${path}/none/lock`, now), {
      code: "storage",
      message: `Cannot lock "${path}/none/lock": No such file or directory`,
    });
  }));

Deno.test("isLocked() detects exclusive holders, creates no file and keeps no lock", () =>
  withPath(async (path) => {
    assert.equal(isLocked(path), false);
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    for (const exclusive of [true, false]) {
      using _ = await acquireLock(path, { exclusive, wait: true });
      assert.equal(isLocked(path), exclusive);
    }
    assert.equal(isLocked(path), false);
    using free = await acquireLock(path, now);
    assert.ok(free, "it does not keep the lock");
  }));

Deno.test("isLocked() names a lock that cannot be examined", () =>
  withPath(async (path) => {
    await Deno.writeTextFile(path, "");
    assert.throws(() => isLocked(`${path}/lock`), {
      code: "storage",
      message: `Cannot look at the lock "${path}/lock": Not a directory`,
    });
  }));

Deno.test("lockFolderSync() allows several shared holders, excludes others, and does not wait", () =>
  withPath(async (path) => {
    assert.equal(lockFolderSync(path, { exclusive: true }), undefined, "there is no such folder");
    await Deno.mkdir(path);
    {
      using first = lockFolderSync(path, { exclusive: false });
      using second = lockFolderSync(path, { exclusive: false });
      assert.ok(first && second);
      assert.equal(lockFolderSync(path, { exclusive: true }), undefined);
    }
    using alone = lockFolderSync(path, { exclusive: true });
    assert.ok(alone);
    assert.equal(lockFolderSync(path, { exclusive: false }), undefined);
  }));

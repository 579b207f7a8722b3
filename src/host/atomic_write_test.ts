import assert from "node:assert/strict";
import { mock } from "node:test";
import { writeFileAtomic } from "./atomic_write.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-write-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("writeFileAtomic() makes and replaces a file with its mode", () =>
  withFolder(async (folder) => {
    await writeFileAtomic(`${folder}/file`, "first", { mode: 0o600 });
    assert.equal(Deno.statSync(`${folder}/file`).mode! & 0o777, 0o600);
    await writeFileAtomic(`${folder}/file`, new TextEncoder().encode("second"));
    assert.equal(await Deno.readTextFile(`${folder}/file`), "second");
    assert.equal(Deno.statSync(`${folder}/file`).mode! & 0o777, 0o644);
    assert.deepEqual(names(folder), ["file"]);
  }));

Deno.test("writeFileAtomic() leaves one whole file after concurrent writes", () =>
  withFolder(async (folder) => {
    const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
    await Promise.all(contents.map((content) => writeFileAtomic(`${folder}/file`, content)));
    assert.ok(contents.includes(await Deno.readTextFile(`${folder}/file`)));
    assert.deepEqual(names(folder), ["file"]);
  }));

Deno.test("writeFileAtomic() syncs the content before the rename, and then the folder", () =>
  withFolder(async (folder) => {
    const steps: string[] = [];
    const { sync } = Deno.FsFile.prototype;
    const { rename } = Deno;
    mock.method(Deno.FsFile.prototype, "sync", async function (this: Deno.FsFile) {
      const { isFile, size } = await this.stat();
      steps.push(isFile ? `sync ${size} bytes` : "sync the folder");
      await sync.call(this);
    });
    mock.method(Deno, "rename", async (from: string, to: string) => {
      steps.push("rename");
      await rename(from, to);
    });
    try {
      await writeFileAtomic(`${folder}/file`, "content");
    } finally {
      mock.restoreAll();
    }
    assert.deepEqual(steps, ["sync 7 bytes", "rename", "sync the folder"]);
  }));

Deno.test("writeFileAtomic() reports the OS's error and leaves no temporary file", () =>
  withFolder(async (folder) => {
    await assert.rejects(() => writeFileAtomic(`${folder}/none/file`, ""), {
      code: "storage",
      message: `Cannot write "${folder}/none/file": No such file or directory`,
    });
    // The write succeeds and the rename fails.
    await Deno.mkdir(`${folder}/taken`);
    await assert.rejects(() => writeFileAtomic(`${folder}/taken`, ""), { code: "storage", message: /Is a directory/ });
    assert.deepEqual(names(folder), ["taken"]);
  }));

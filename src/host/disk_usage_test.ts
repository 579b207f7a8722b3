import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { allocatedBytes } from "./disk_usage.ts";

Deno.test("allocatedBytes() counts blocks: all files of a folder, and only the data of a sparse file", async () => {
  using folder = makeTempFolder();
  const path = folder.path;
  await Deno.mkdir(`${path}/a/b`, { recursive: true });
  const empty = allocatedBytes(path);
  await Deno.writeFile(`${path}/a/b/full`, new Uint8Array(64 * 1024));
  {
    using sparse = await Deno.create(`${path}/sparse`);
    await sparse.truncate(1024 ** 3);
    await sparse.write(new Uint8Array(4096));
  }
  await Deno.symlink(`${path}/a/b/full`, `${path}/link`);
  const added = allocatedBytes(path) - empty;
  assert.ok(added >= 68 * 1024 && added < 1024 ** 2, `${added}`);
});

Deno.test("allocatedBytes() is 0 for a missing file", () => {
  assert.equal(allocatedBytes("/does/not/exist"), 0);
});

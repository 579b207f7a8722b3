import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { exists, makeFolder, removeIfThere } from "./files.ts";

Deno.test("exists() is true for a file, a folder and a dangling symlink", () => {
  using folder = makeTempFolder();
  Deno.writeTextFileSync(`${folder.path}/file`, "");
  Deno.symlinkSync("nowhere", `${folder.path}/link`);
  for (const path of [folder.path, `${folder.path}/file`, `${folder.path}/link`]) assert.ok(exists(path), path);
  assert.ok(!exists(`${folder.path}/none`));
});

Deno.test("makeFolder() makes missing private folders, and names a file in the way", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/a/b`;
  await makeFolder(path);
  await makeFolder(path);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o700);
  Deno.writeTextFileSync(`${path}/file`, "");
  await assert.rejects(makeFolder(`${path}/file/c`), {
    code: "storage",
    message: `Cannot make the folder "${path}/file/c": Not a directory`,
  });
});

Deno.test("removeIfThere() removes a file and a whole folder, and ignores a missing one", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/a`;
  await makeFolder(`${path}/b`);
  Deno.writeTextFileSync(`${path}/b/file`, "");
  for (let time = 0; time < 2; time++) {
    await removeIfThere(path);
    assert.ok(!exists(path));
  }
  Deno.writeTextFileSync(path, "");
  await removeIfThere(path);
  assert.ok(!exists(path));
});

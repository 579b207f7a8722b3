import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { pinFile } from "./pinned_file.ts";

Deno.test({
  name: "pinFile() keeps the file that was at a path when it is replaced",
  ignore: Deno.build.os !== "linux",
  fn() {
    using temp = makeTempFolder();
    const path = `${temp.path}/folder`;
    Deno.mkdirSync(path);
    using folder = pinFile(path);
    Deno.renameSync(path, `${path}.moved`);
    Deno.symlinkSync("/etc", path);
    Deno.writeTextFileSync(`${folder.path}/file`, "content");
    assert.equal(Deno.readTextFileSync(`${path}.moved/file`), "content");
    assert.ok(folder.status().isDirectory);
  },
});

Deno.test("pinFile() pins a symlink itself or its target", () => {
  using temp = makeTempFolder();
  const path = `${temp.path}/link`;
  Deno.symlinkSync(".", path);
  using link = pinFile(path);
  assert.ok(link.status().isSymlink);
  using target = pinFile(path, { followLink: true });
  assert.ok(target.status().isDirectory);
});

Deno.test("pinFile() throws Deno's errors", () => {
  using temp = makeTempFolder();
  assert.throws(() => pinFile(`${temp.path}/none`), Deno.errors.NotFound);
  Deno.symlinkSync("none", `${temp.path}/link`);
  assert.throws(() => pinFile(`${temp.path}/link`, { followLink: true }), Deno.errors.NotFound);
});

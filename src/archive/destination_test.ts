import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { resolveDestination } from "./destination.ts";

Deno.test("resolveDestination() chooses the destination that docker cp does", () => {
  using temp = makeTempFolder();
  const at = (path: string) => `${temp.path}/${path}`;
  Deno.mkdirSync(at("there"));
  Deno.writeTextFileSync(at("file"), "");
  Deno.symlinkSync("file", at("to-file"));
  Deno.symlinkSync("there", at("to-folder"));
  const resolve = (path: string, isFolder: boolean, name = "name") => resolveDestination(at(path), { name, isFolder });
  const into = (path: string) => ({ folder: at(path), root: "name", shown: "name" });
  const as = (root: string) => ({ folder: at(""), root, shown: "" });
  for (const isFolder of [true, false]) {
    assert.deepEqual(resolve("there", isFolder), into("there"));
    assert.deepEqual(resolve("to-folder/", isFolder), into("to-folder/"));
    assert.deepEqual(resolve("new", isFolder), as("new"));
    assert.deepEqual(resolve("new.", isFolder), as("new."));
    assert.deepEqual(resolve("no/such", isFolder).root, "such");
    assert.throws(() => resolve("file/x", isFolder), /^Error: Not a directory|NotADirectory/);
    assert.throws(() => resolve("new/..", isFolder), /^Error: No such file or directory$/);
  }
  assert.deepEqual(resolve("there", true, "."), { folder: at("there"), root: "", shown: "" });
  assert.deepEqual(resolve("new/", true), as("new"));
  assert.deepEqual(resolve("new/.", true, "."), as("new"));
  assert.throws(() => resolve("new/", false), /^Error: No such file or directory$/);
  assert.throws(() => resolve("new/.", false), /^Error: No such file or directory$/);
  assert.deepEqual(resolve("to-file", false), as("file"));
  assert.throws(() => resolve("file", true), /^Error: Not a directory$/);
  assert.deepEqual(resolveDestination("new", { name: "x", isFolder: false }), { folder: ".", root: "new", shown: "" });
});

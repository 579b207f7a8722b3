import assert from "node:assert/strict";
import { absolute, dirname, resolve } from "./path.ts";

Deno.test("resolve() resolves each path against the previous path, and the first against the working directory", () => {
  assert.equal(resolve("a", "b"), `${Deno.cwd()}/a/b`);
  assert.equal(resolve(), Deno.cwd());
  assert.equal(resolve("a", "/b", "c"), "/b/c");
});

Deno.test("resolve() removes dots and duplicate slashes, and stays below the root", () => {
  assert.equal(resolve("//a/./b//../c/"), "/a/c");
  assert.equal(resolve("/../..", "..."), "/...");
  assert.equal(resolve("/a", ".."), "/");
});

Deno.test("dirname() returns the parent, and for the root the root", () => {
  assert.deepEqual(["/a/b", "/a", "/", "/a/b.c/d e"].map(dirname), ["/a", "/", "/", "/a/b.c"]);
});

Deno.test("resolve() and absolute() need a working folder for relative paths only", () => {
  const before = Deno.cwd();
  const folder = Deno.makeTempDirSync();
  try {
    Deno.chdir(folder);
    Deno.removeSync(folder);
    assert.equal(resolve("/a", "b"), "/a/b");
    assert.equal(absolute("b", "/a"), "/a/b");
    for (const act of [() => resolve("a"), () => resolve(), () => absolute("a")]) {
      assert.throws(act, { code: "usage", message: "Cannot find the working folder: it was removed" });
    }
  } finally {
    Deno.chdir(before);
  }
});

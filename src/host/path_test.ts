import assert from "node:assert/strict";
import { resolve } from "./path.ts";

Deno.test("resolve() takes each path relative to the one before, the first to the working directory", () => {
  assert.equal(resolve("a", "b"), `${Deno.cwd()}/a/b`);
  assert.equal(resolve(), Deno.cwd());
  assert.equal(resolve("a", "/b", "c"), "/b/c");
});

Deno.test("resolve() leaves nothing of dots and slashes, and stays below the root", () => {
  assert.equal(resolve("//a/./b//../c/"), "/a/c");
  assert.equal(resolve("/../..", "..."), "/...");
  assert.equal(resolve("/a", ".."), "/");
});

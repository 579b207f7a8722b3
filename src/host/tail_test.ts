import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { tailOf } from "./tail.ts";

Deno.test("tailOf() returns the last lines that are not blank", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  await Deno.writeTextFile(path, "one\r\n\ntwo\n   \nthree\n\n");
  assert.deepEqual(tailOf(path, 2), ["two", "three"]);
  assert.deepEqual(tailOf(path, 9), ["one", "two", "three"]);
});

Deno.test("tailOf() reads only the end of a large file", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  await Deno.writeTextFile(path, Array.from({ length: 10_000 }, (_, index) => `line ${index}\n`).join(""));
  assert.deepEqual(tailOf(path, 2), ["line 9998", "line 9999"]);
  assert.ok(tailOf(path, 10_000).length < 1000);
});

Deno.test("tailOf() returns nothing for a missing file", () => {
  using folder = makeTempFolder();
  assert.deepEqual(tailOf(`${folder.path}/none`, 5), []);
});

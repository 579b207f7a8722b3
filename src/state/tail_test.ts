import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { tailOf } from "./tail.ts";

Deno.test("tailOf() has the last lines that are not blank", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  await Deno.writeTextFile(path, "one\r\n\ntwo\n   \nthree\n\n");
  assert.deepEqual(await tailOf(path, 2), ["two", "three"]);
  assert.deepEqual(await tailOf(path, 9), ["one", "two", "three"]);
});

Deno.test("tailOf() reads the end of a large file only", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  await Deno.writeTextFile(path, Array.from({ length: 10_000 }, (_, index) => `line ${index}\n`).join(""));
  assert.deepEqual(await tailOf(path, 2), ["line 9998", "line 9999"]);
  assert.ok((await tailOf(path, 10_000)).length < 1000);
});

Deno.test("tailOf() has nothing of a file that is not there: it only adds to an error", async () => {
  using folder = makeTempFolder();
  assert.deepEqual(await tailOf(`${folder.path}/none`, 5), []);
});

import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { readStateFile } from "./state_file.ts";

/** Runs a test with the path of a state file that does not exist. */
async function withPath(test: (path: string) => Promise<void> | void): Promise<void> {
  using folder = makeTempFolder();
  await test(`${folder.path}/x.json`);
}

Deno.test("readStateFile() reads a file of its schema, and returns undefined for a missing file", () =>
  withPath((path) => {
    assert.equal(readStateFile(path, 3), undefined);
    Deno.writeTextFileSync(path, '{"schema": 3, "name": "web"}');
    const fields = readStateFile(path, 3)!;
    assert.equal(fields.string("name"), "web");
    fields.end();
  }));

Deno.test("readStateFile() refuses a newer schema", () =>
  withPath((path) => {
    Deno.writeTextFileSync(path, '{"schema": 4}');
    assert.throws(() => readStateFile(path, 3), {
      code: "state",
      message: `"${path}" has schema 4, but this smolvm supports up to 3`,
      hint: "A newer smolvm wrote it: use that version.",
    });
  }));

Deno.test("readStateFile() reports why a file cannot be read", () =>
  withPath((path) => {
    Deno.mkdirSync(path);
    assert.throws(() => readStateFile(path, 1), {
      code: "state",
      message: `"${path}" is not a regular file`,
    });
  }));

Deno.test({
  name: "readStateFile() refuses another user's file",
  ignore: Deno.uid() !== 0, // only root can make one
  fn: () =>
    withPath((path) => {
      Deno.writeTextFileSync(path, '{"schema": 1}');
      Deno.chownSync(path, 12345, 12345);
      assert.throws(() => readStateFile(path, 1), {
        code: "state",
        message: `"${path}" belongs to the user with id 12345`,
      });
    }),
});

import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { openLogFiles } from "./files.ts";

/** Opens the files of a log, reads them and closes them. */
function contents(...args: Parameters<typeof openLogFiles>): string[] {
  return openLogFiles(...args).map((file) => {
    using _ = file;
    const chunk = new Uint8Array(100);
    return new TextDecoder().decode(chunk.subarray(0, file.readSync(chunk) ?? 0));
  });
}

/** Runs a test with a log whose files contain their ages. */
function withLog(ages: number[], test: (path: string) => void): void {
  using folder = makeTempFolder();
  const path = `${folder.path}/log`;
  for (const age of ages) Deno.writeTextFileSync(age === 0 ? path : `${path}.${age}`, `${age}`);
  test(path);
}

Deno.test("openLogFiles() opens all files of a log, the oldest first", () => {
  withLog([], (path) => assert.deepEqual(contents(path), []));
  withLog([0], (path) => assert.deepEqual(contents(path), ["0"]));
  const ages = Array.from({ length: 12 }, (_, age) => age);
  withLog(ages, (path) => assert.deepEqual(contents(path), ages.reverse().map(String)));
});

Deno.test("openLogFiles() opens the files that are newer than one that was renamed or removed", () => {
  withLog([0, 1, 2], (path) => {
    const held = (age: number) => Deno.openSync(age === 0 ? path : `${path}.${age}`);
    using newest = held(0);
    assert.deepEqual(contents(path, newest), []);
    using middle = held(1);
    assert.deepEqual(contents(path, middle), ["0"]);
    using oldest = held(2);
    Deno.removeSync(`${path}.2`);
    assert.deepEqual(contents(path, oldest), ["1", "0"]);
  });
});

Deno.test("openLogFiles() finds every file during a rotation", () => {
  for (const ages of [[1, 2, 3], [0, 2, 3], [0, 1, 3]]) {
    withLog(ages, (path) => assert.deepEqual(contents(path), ages.toReversed().map(String)));
  }
});

Deno.test("openLogFiles() refuses a guest's huge sparse files and symlinks, and limits the number of files", () => {
  withLog([0], (path) => {
    Deno.truncateSync(path, 2 ** 40);
    assert.throws(() => openLogFiles(path), {
      code: "state",
      message: `"${path}" is not a log: it is ${2 ** 40} bytes of holes`,
    });
    Deno.removeSync(path);
    Deno.symlinkSync("/dev/zero", path);
    assert.throws(() => openLogFiles(path), { code: "state", message: `"${path}" is not a regular file` });
  });
  withLog(Array.from({ length: 200 }, (_, age) => age), (path) => assert.equal(contents(path).length, 101));
});

Deno.test({
  name: "openLogFiles() names the file that cannot be read",
  ignore: Deno.uid() === 0, // who can read everything
  fn: () =>
    withLog([0], (path) => {
      Deno.chmodSync(path, 0);
      const message = `Cannot read the log "${path}": Permission denied`;
      assert.throws(() => openLogFiles(path), { code: "state", message });
    }),
});

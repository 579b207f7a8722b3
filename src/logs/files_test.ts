import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { openLogFiles } from "./files.ts";

/** What the files of a log hold that {@linkcode openLogFiles} opens; each is closed. */
function contents(...args: Parameters<typeof openLogFiles>): string[] {
  return openLogFiles(...args).map((file) => {
    using _ = file;
    const chunk = new Uint8Array(100);
    return new TextDecoder().decode(chunk.subarray(0, file.readSync(chunk) ?? 0));
  });
}

/** Runs a test with a log whose files hold their ages. */
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

Deno.test("openLogFiles() opens the files that are newer than one, whatever has become of that", () => {
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

Deno.test("openLogFiles() finds every file in the midst of a rotation, and none twice", () => {
  for (const ages of [[1, 2, 3], [0, 2, 3], [0, 1, 3]]) {
    withLog(ages, (path) => assert.deepEqual(contents(path), ages.toReversed().map(String)));
  }
  withLog([0, 1], (path) => {
    // As if it had moved up after it was met.
    Deno.linkSync(`${path}.1`, `${path}.2`);
    assert.deepEqual(contents(path), ["1", "0"]);
  });
});

Deno.test({
  name: "openLogFiles() says which file cannot be read",
  ignore: Deno.uid() === 0, // who can read everything
  fn: () =>
    withLog([0], (path) => {
      Deno.chmodSync(path, 0);
      const message = `Cannot read the log "${path}": Permission denied`;
      assert.throws(() => openLogFiles(path), { code: "state", message });
    }),
});

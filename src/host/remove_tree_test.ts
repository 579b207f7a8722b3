import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { removeTree } from "./remove_tree.ts";

Deno.test("removeTree() removes everything that a guest can create, and follows no symlink", () => {
  using temp = makeTempFolder();
  const [top, outside] = [`${temp.path}/top`, `${temp.path}/outside`];
  Deno.mkdirSync(`${top}/shut/below`, { recursive: true });
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/kept`, "kept");
  for (const [index, target] of [outside, `${outside}/kept`, "/nowhere", "loop"].entries()) {
    Deno.symlinkSync(target, `${top}/link${index}`);
    Deno.symlinkSync(target, `${top}/shut/below/link${index}`);
  }
  Deno.linkSync(`${outside}/kept`, `${top}/hard`);
  Deno.chmodSync(`${outside}/kept`, 0o640);
  Deno.chmodSync(`${top}/shut/below`, 0);
  Deno.chmodSync(`${top}/shut`, 0);
  sh('mkfifo "$1/fifo"; mkdir "$1/$(printf "\\\\377")"; : > "$1/$(printf "\\\\377")/$(printf "\\\\376")"', top);
  removeTree(top);
  assert.deepEqual([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["outside"]);
  assert.equal(Deno.readTextFileSync(`${outside}/kept`), "kept");
  assert.equal(Deno.statSync(`${outside}/kept`).mode! & 0o777, 0o640);
  removeTree(top);
});

Deno.test("removeTree() removes a tree that is deeper than the longest path", () => {
  using temp = makeTempFolder();
  const top = `${temp.path}/top`;
  Deno.mkdirSync(top);
  // Moves ten levels at a time below the next ten.
  const levels = Array.from({ length: 10 }, () => "d".repeat(200)).join("/");
  for (let part = 0; part < 9; part++) {
    Deno.mkdirSync(`${temp.path}/next/${levels}`, { recursive: true });
    Deno.renameSync(top, `${temp.path}/next/${levels}/d`);
    Deno.renameSync(`${temp.path}/next`, top);
  }
  removeTree(top);
  assert.deepEqual([...Deno.readDirSync(temp.path)], []);
});

Deno.test("removeTree() removes a symlink itself, and reports why a removal fails", () => {
  using temp = makeTempFolder();
  Deno.mkdirSync(`${temp.path}/folder`);
  Deno.symlinkSync(`${temp.path}/folder`, `${temp.path}/link`);
  removeTree(`${temp.path}/link`);
  assert.deepEqual([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["folder"]);
  assert.throws(() => removeTree("/proc/self/stat"), {
    code: "storage",
    message: /^Cannot remove "\/proc\/self\/stat": /,
  });
});

function sh(script: string, argument: string): void {
  const { success } = new Deno.Command("sh", { args: ["-c", script, "sh", argument] }).outputSync();
  assert.ok(success);
}

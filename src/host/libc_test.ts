import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { cString, Libc } from "./libc.ts";

Deno.test("cString() encodes UTF-8 with a terminating NUL, and refuses other NULs", () => {
  assert.deepEqual([...cString("a\u{e4}")], [97, 0xc3, 0xa4, 0]);
  assert.deepEqual([...cString("")], [0]);
  assert.throws(() => cString("a\0b"), { code: "usage", message: 'Cannot pass "a\\u0000b" to C: it holds a NUL' });
});

Deno.test("Libc.creat() makes a private file, and reports why it cannot", () => {
  using folder = makeTempFolder();
  const libc = new Libc();
  const path = `${folder.path}/log`;
  const fd = libc.creat(path);
  assert.ok(fd > 2);
  assert.equal(Deno.statSync(path).mode! & 0o077, 0);
  assert.throws(() => libc.creat(`${folder.path}/none/log`), {
    code: "storage",
    message: `Cannot create the log "${folder.path}/none/log": No such file or directory (ENOENT)`,
  });
});

Deno.test("Libc.dup2() names the descriptor that it cannot redirect", () => {
  assert.throws(() => new Libc().dup2(-1, 2), { code: "internal", message: /^Cannot redirect descriptor 2: / });
});

Deno.test({
  name: "Libc.bind() names the folder that it cannot bind",
  ignore: Deno.build.os !== "linux",
  fn() {
    using folder = makeTempFolder();
    assert.throws(() => new Libc().bind(`${folder.path}/none`, folder.path, { readOnly: true }), {
      code: "volume",
      message: new RegExp(`^Cannot bind "${folder.path}/none": .*\\(E(NOENT|PERM)\\)$`),
    });
  },
});

/** Binds a folder read-only, and prints whether the target, its submount and the source's submount are writable. */
const BOUND = `
  import { Libc } from "${new URL("./libc.ts", import.meta.url)}";
  const [source, target] = Deno.args;
  const libc = new Libc();
  libc.mountTmpfs(source + "/below");
  libc.bind(source, target, { readOnly: true });
  for (const folder of [target, target + "/below", source + "/below"]) {
    try {
      Deno.writeTextFileSync(folder + "/file", "");
      console.log("written");
    } catch (error) {
      console.log(error.message.split(" (")[0]);
    }
  }`;

Deno.test({
  name: "Libc.bind() makes the submounts of the target read-only too, but not those of the source",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using source = makeTempFolder();
    using target = makeTempFolder();
    Deno.mkdirSync(`${source.path}/below`);
    const namespace = ["--mount", ...Deno.uid() === 0 ? [] : ["--map-root-user"]];
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: [...namespace, Deno.execPath(), "eval", "--no-check", BOUND, source.path, target.path],
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(out, "Read-only file system\nRead-only file system\nwritten\n", err);
  },
});

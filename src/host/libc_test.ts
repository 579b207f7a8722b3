import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { cString, Libc } from "./libc.ts";

Deno.test("cString() is UTF-8 with a NUL at its end and none inside", () => {
  assert.deepEqual([...cString("a\u{e4}")], [97, 0xc3, 0xa4, 0]);
  assert.deepEqual([...cString("")], [0]);
  assert.throws(() => cString("a\0b"), { code: "usage", message: 'Cannot pass "a\\u0000b" to C: it holds a NUL' });
});

Deno.test("Libc.creat() makes a private file and says why it cannot", () => {
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

/** Prints who can listen where `Libc.forbidListening()` was called, and whether what listened before still does. */
const FORBIDDEN = `
  import { Libc } from "${new URL("./libc.ts", import.meta.url)}";
  const tryTo = 'try { Deno.listen({ hostname: "127.0.0.1", port: 0 }); "listens" } catch (error) { error.name }';
  const before = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const thread = new Worker("data:text/javascript,onmessage = ({ data }) => postMessage(eval(data)); postMessage(0)", {
    type: "module",
  });
  const answer = () => new Promise((resolve) => thread.onmessage = ({ data }) => resolve(data));
  await answer();
  new Libc().forbidListening();
  thread.postMessage(tryTo);
  console.log(eval(tryTo), await answer());
  const client = await Deno.connect({ hostname: "127.0.0.1", port: before.addr.port });
  (await before.accept()).close();
  console.log(await client.read(new Uint8Array(1)));
  Deno.exit();`;

Deno.test({
  name: "Libc.forbidListening() keeps every thread from listening, and leaves listeners and connections alone",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const args = ["eval", "--no-check", FORBIDDEN];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(out, "PermissionDenied PermissionDenied\nnull\n", err);
  },
});

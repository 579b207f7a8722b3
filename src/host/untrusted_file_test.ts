import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { exists } from "./files.ts";
import { openUntrusted, readUntrusted } from "./untrusted_file.ts";

Deno.test("readUntrusted() reads the text of a file without changing it", () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/file`;
  Deno.writeTextFileSync(path, "text");
  const { mtime, size } = Deno.statSync(path);
  assert.equal(readUntrusted(path, 4), "text");
  assert.deepEqual(Deno.statSync(path).mtime, mtime);
  assert.equal(Deno.statSync(path).size, size);
});

Deno.test({
  name: "readUntrusted() reads all of a file that is larger than its reported size",
  ignore: Deno.build.os !== "linux",
  fn() {
    // The kernel reports size 0 for files in /proc.
    const path = "/proc/self/comm";
    const text = Deno.readTextFileSync(path);
    assert.ok(Deno.statSync(path).size === 0 && text.length > 3);
    assert.equal(readUntrusted(path, 100), text);
    assert.equal(readUntrusted(path, text.length), text);
    assert.throws(() => readUntrusted(path, text.length - 1), { code: "state" });
  },
});

Deno.test("readUntrusted() refuses a file over the limit, without reading all of it", () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/file`;
  Deno.writeTextFileSync(path, "text!");
  Deno.truncateSync(path, 2 ** 40);
  assert.throws(() => readUntrusted(path, 4), { code: "state", message: `"${path}" is larger than 4 bytes` });
});

Deno.test("openUntrusted() follows no symlink and does not block", () => {
  using folder = makeTempFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  Deno.writeTextFileSync(at("file"), "");
  Deno.mkdirSync(at("folder"));
  Deno.symlinkSync("file", at("link"));
  Deno.symlinkSync("/nowhere", at("dangling"));
  Deno.writeTextFileSync(at("one"), "");
  Deno.linkSync(at("one"), at("other"));
  assert.throws(() => openUntrusted(at("other")), { code: "state", message: `"${at("other")}" has another name` });
  new Deno.Command("mkfifo", { args: [at("fifo")] }).outputSync();
  using _ = Deno.listen({ transport: "unix", path: at("socket") });
  for (const name of ["folder", "link", "dangling", "fifo", "socket"]) {
    const message = `"${at(name)}" is not a regular file`;
    assert.throws(() => openUntrusted(at(name)), { code: "state", message });
  }
  assert.throws(() => openUntrusted(at("none")), Deno.errors.NotFound);
  openUntrusted(at("file")).close();
});

Deno.test("openUntrusted() opens the old or the new file while it is replaced", async () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/x`;
  const script = `cd '${folder.path}'; echo a > x; while [ ! -e stop ]; do echo a > y; mv y x; done`;
  const child = new Deno.Command("sh", { args: ["-c", script], stdin: "null", stderr: "null" }).spawn();
  try {
    await until(() => exists(path));
    for (const end = performance.now() + 300; performance.now() < end;) {
      assert.ok(["a\n", ""].includes(readUntrusted(path, 100)));
    }
  } finally {
    // Not killed, because a program that the script started would go on using the folder.
    Deno.writeTextFileSync(`${folder.path}/stop`, "");
    await child.status;
  }
});

Deno.test("openUntrusted() returns the file that it has checked, even if it is replaced meanwhile", async () => {
  using folder = makeTempFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  Deno.writeTextFileSync(at("secret"), "secret");
  // Replaces it by a file, a fifo and a symlink in turn, as fast as possible.
  const script = `cd '${folder.path}'; mkfifo f1; while [ ! -e stop ]; do
    : > a; mv a x; ln f1 b; mv b x; ln -s secret c; mv -T c x; done`;
  const child = new Deno.Command("sh", { args: ["-c", script], stdin: "null", stderr: "null" }).spawn();
  try {
    const until = performance.now() + 1000;
    for (let tries = 0; performance.now() < until; tries++) {
      try {
        assert.equal(readUntrusted(at("x"), 100), "");
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (code !== "state" && !(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  } finally {
    // Not killed, because a program that the script started would go on using the folder.
    Deno.writeTextFileSync(`${folder.path}/stop`, "");
    await child.status;
  }
});

import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import type { Entry } from "./entry.ts";
import { pack, type PackOptions } from "./pack.ts";
import type { CopyProgress } from "./progress.ts";
import { ArchiveReader } from "./reader.ts";

/** Packs a path; returns the entries by name and the data of its files. */
async function packed(path: string, options: Partial<PackOptions> = {}) {
  const reader = new ArchiveReader(pack(path, { followLink: false, ...options }));
  const [entries, data] = [new Map<string, Entry>(), new Map<string, string>()];
  for (let entry = await reader.next(); entry; entry = await reader.next()) {
    entries.set(entry.name, entry);
    let text = "";
    for (let some = await reader.read(); some; some = await reader.read()) text += new TextDecoder().decode(some);
    if (entry.type === "file") data.set(entry.name, text);
  }
  return { entries, data };
}

Deno.test("pack() packs everything below a folder, with links as links", async () => {
  using temp = makeTempFolder();
  const root = `${temp.path}/tree`;
  Deno.mkdirSync(`${root}/sub`, { recursive: true });
  Deno.writeTextFileSync(`${root}/sub/file`, "content");
  Deno.writeTextFileSync(`${root}/large`, "x".repeat(100_000));
  Deno.linkSync(`${root}/sub/file`, `${root}/sub/same`);
  Deno.symlinkSync("sub/file", `${root}/link`);
  Deno.chmodSync(`${root}/sub/file`, 0o4751);
  Deno.utimeSync(`${root}/large`, 1, -1.5);
  new Deno.Command("mkfifo", { args: [`${root}/fifo`] }).outputSync();
  const { entries, data } = await packed(root);
  const names = ["./sub", "./sub/file", "./sub/same", "./large", "./link", "./fifo", "."];
  assert.deepEqual([...entries.keys()].sort(), names.sort());
  assert.equal(entries.keys().next().value, ".");
  assert.equal(data.get("./large"), "x".repeat(100_000));
  assert.equal(entries.get("./large")?.mtimeS, -1.5);
  assert.deepEqual([entries.get("./link")?.type, entries.get("./link")?.link], ["symlink", "sub/file"]);
  assert.equal(entries.get("./fifo")?.type, "fifo");
  const [first, second] = ["./sub/file", "./sub/same"].sort((a) => entries.get(a)?.type === "file" ? -1 : 1);
  assert.deepEqual([data.get(first!), entries.get(second!)?.link], ["content", first]);
  assert.equal(entries.get(first!)?.mode, 0o4751);
});

Deno.test("pack() follows a symlink only at the root and when asked to", async () => {
  using temp = makeTempFolder();
  Deno.mkdirSync(`${temp.path}/folder`);
  Deno.symlinkSync("/nowhere", `${temp.path}/folder/inner`);
  Deno.symlinkSync("folder", `${temp.path}/link`);
  const typesOf = async (options: Partial<PackOptions>) =>
    [...(await packed(`${temp.path}/link`, options)).entries.values()].map(({ type }) => type);
  assert.deepEqual(await typesOf({}), ["symlink"]);
  assert.deepEqual(await typesOf({ followLink: true }), ["folder", "symlink"]);
});

Deno.test("pack() names files that it cannot read, and leaves out sockets", async () => {
  using temp = makeTempFolder();
  await assert.rejects(packed(`${temp.path}/none`), /^FileError: No such file or directory$/);
  await assert.rejects(packed("/dev/null"), /^FileError: It is neither a file nor a folder$/);
  using _ = Deno.listen({ transport: "unix", path: `${temp.path}/socket` });
  const leftOut: string[] = [];
  assert.deepEqual([...(await packed(temp.path, { onLeftOut: (file) => leftOut.push(file) })).entries.keys()], ["."]);
  assert.deepEqual(leftOut, ["socket"]);
});

Deno.test(
  "pack() reports names that are not UTF-8, and packs the other files",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    using temp = makeTempFolder();
    const make = `: >ok; : >"$(printf 'a\\377')"; ln -s "$(printf 'b\\377')" link`;
    assert.ok((await new Deno.Command("sh", { args: ["-c", make], cwd: temp.path }).output()).success);
    const changed: string[] = [];
    const onChanged = (file: string, what: string) => changed.push(`${file} ${what}`);
    assert.deepEqual([...(await packed(temp.path, { onChanged })).entries.keys()].sort(), [".", "./ok"]);
    assert.deepEqual(changed.sort(), [
      "a\ufffd is left out: its name is not UTF-8",
      `link is left out: File name or path "b\\xFF" is not valid UTF-8`,
    ]);
  },
);

Deno.test("pack() yields chunks of 64 KiB even for small files", async () => {
  using temp = makeTempFolder();
  for (let file = 0; file < 40; file++) Deno.writeFileSync(`${temp.path}/${file}`, new Uint8Array(file * 100));
  const chunks = await Array.fromAsync(pack(temp.path, { followLink: false }));
  const lengths = chunks.map(({ length }) => length);
  assert.ok(lengths.length > 2, `${lengths}`);
  assert.deepEqual(lengths.slice(0, -1), Array(lengths.length - 1).fill(64 * 1024));
});

Deno.test("pack() reports progress, and refuses a file that shrinks", async () => {
  using temp = makeTempFolder();
  const path = `${temp.path}/file`;
  Deno.writeFileSync(path, new Uint8Array(40_000));
  const seen: CopyProgress[] = [];
  await packed(path, { onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(seen.at(-1), { file: "", fileBytes: 40_000, fileDone: 40_000, done: 40_000 });
  Deno.writeFileSync(path, new Uint8Array(100_000));
  const shrink = () => Deno.truncateSync(path, 70_000);
  await assert.rejects(packed(path, { onProgress: shrink }), /^FileError: It has become shorter while it was copied$/);
});

Deno.test("pack() continues when files below change, and reports them", async () => {
  using temp = makeTempFolder();
  const at = (name: string) => `${temp.path}/${name}`;
  const names = ["1", "2", "3", "4"];
  for (const name of names) Deno.writeTextFileSync(at(name), "x".repeat(100_000));
  Deno.writeTextFileSync(at("small"), "begin");
  let first: string | undefined;
  const changed: string[] = [];
  const { entries, data } = await packed(temp.path, {
    onProgress: ({ file }) => {
      if (first !== undefined || file === "small") return;
      first = file;
      const [gone, grown] = names.filter((name) => name !== file);
      Deno.removeSync(at(gone!));
      Deno.truncateSync(at(file), 70_000);
      Deno.writeTextFileSync(at(grown!), "y", { append: true });
    },
    onChanged: (file, what) => changed.push(`${file} ${what}`),
  });
  const [gone, ...whole] = names.filter((name) => name !== first);
  assert.deepEqual(changed, [
    `${first} is not as it was, its end is zeros: It has become shorter while it was copied`,
    `${gone} is left out: it has vanished`,
  ]);
  assert.equal(data.get(`./${first}`), "x".repeat(70_000) + "\0".repeat(30_000));
  assert.equal(data.get(`./${whole[0]}`), `${"x".repeat(100_000)}y`);
  assert.equal(data.get(`./${whole[1]}`), "x".repeat(100_000));
  assert.deepEqual([...entries.keys()].sort(), [".", ...[first!, ...whole, "small"].map((name) => `./${name}`)].sort());
});

Deno.test(
  "pack() reads kernel files, which report a wrong size",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    const content = async (path: string) => (await packed(path)).data.get(".")!;
    assert.match(await content("/proc/filesystems"), /^nodev\t[^]*\n$/);
    assert.equal(await content("/sys/class/net/lo/mtu"), "65536\n");
    await assert.rejects(packed("/dev/zero"), /^FileError: It is neither a file nor a folder$/);
  },
);

/** The templates that build_disk_templates.ts builds, and disks made from them, judged by e2fsprogs. */
import assert from "node:assert/strict";
import type { DiskOptions } from "../src/storage/disk.ts";

const SCRIPT = new URL("./build_disk_templates.ts", import.meta.url).pathname;
const DISK = new URL("../src/storage/disk.ts", import.meta.url).href;
const MIB = 1024 ** 2;

async function run(command: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const env = { PATH: `${Deno.env.get("PATH")}:/sbin:/usr/sbin` };
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

async function withTemplates(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
  try {
    const built = await run(Deno.execPath(), "run", "-A", "--no-check", SCRIPT, folder);
    assert.equal(built.code, 0, built.text);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A program that makes a disk and prints how it failed, if it did. */
const createDiskScript = (path: string, options: DiskOptions) =>
  `const { createDisk } = await import(${JSON.stringify(DISK)});
   try { createDisk(${JSON.stringify(path)}, ${JSON.stringify(options)}); }
   catch (error) { console.log(error.code + ": " + error.message); }`;

const sizes = [
  { diskMib: 128, fileSystemMib: 128 },
  { diskMib: 300, fileSystemMib: 128 },
  { diskMib: 10240, fileSystemMib: 10240 },
  { diskMib: 40960, fileSystemMib: 10240 },
];

for (const { diskMib, fileSystemMib } of sizes) {
  Deno.test(`a disk of ${diskMib} MiB from the built templates is a clean, sparse ext4 that the kernel need not initialise`, () =>
    withTemplates(async (templates) => {
      const disk = `${templates}/disk`;
      const script = createDiskScript(disk, { templates, sizeBytes: diskMib * MIB });
      assert.equal((await run(Deno.execPath(), "eval", script)).text, "");

      const { size, blocks } = await Deno.stat(disk);
      assert.equal(size, diskMib * MIB);
      assert.ok(blocks! * 512 < MIB / 2, `${blocks} blocks are allocated`);

      const check = await run("e2fsck", "-fn", disk);
      assert.equal(check.code, 0, check.text);
      const { text } = await run("dumpe2fs", disk);
      assert.match(text, /volume name: +smolvm\n/);
      assert.match(text, new RegExp(`Block count: +${fileSystemMib * 256}\n`));
      assert.match(text, /Reserved block count: +0\n/);
      assert.match(text, /Total journal size: +4096k\n/);
      const groups = text.match(/^Group \d+:.*$/gm) ?? [];
      assert.equal(groups.length, fileSystemMib / 128);
      assert.deepEqual(groups.filter((line) => !line.includes("ITABLE_ZEROED")), []);
      for (const [, block] of text.matchAll(/Backup superblock at (\d+)/g)) {
        const backup = await run("dumpe2fs", "-h", "-o", `superblock=${block}`, "-o", "blocksize=4096", disk);
        assert.equal(backup.code, 0, backup.text);
      }
    }));
}

Deno.test("the templates are the same bytes each time they are built", () =>
  withTemplates((first) =>
    withTemplates(async (second) => {
      for (const { name } of Deno.readDirSync(first)) {
        assert.deepEqual(await Deno.readFile(`${first}/${name}`), await Deno.readFile(`${second}/${name}`));
      }
    })
  ));

Deno.test("createDisk() on a full disk says so and leaves no file", () =>
  withTemplates(async (templates) => {
    await Deno.mkdir(`${templates}/full`);
    const script = `mount -t tmpfs -o size=16k none "$1/full" && "$2" eval "$3" && ls -A "$1/full" | wc -l`;
    const { text } = await run(
      // A mount namespace of its own, for an ordinary user within a user namespace.
      ...["unshare", "-m", ...(Deno.uid() === 0 ? [] : ["-r"]), "sh", "-c", script, "sh"] as [string, ...string[]],
      templates,
      Deno.execPath(),
      createDiskScript(`${templates}/full/disk`, { templates }),
    );
    assert.equal(text, `storage: Cannot create the disk "${templates}/full/disk": No space left on device\n0\n`);
  }));

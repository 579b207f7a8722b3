/** Checks the templates of build_disk_templates.ts, and disks made from them, with e2fsprogs. */
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

async function build(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
  const built = await run(Deno.execPath(), "run", "-A", "--no-check", SCRIPT, folder);
  assert.equal(built.code, 0, built.text);
  return folder;
}

/** The folder of the templates. Built once, because building takes seconds. */
let templates: string;
/** The folder for the disks of the tests. */
let work: string;
Deno.test.beforeAll(async () => {
  templates = await build();
  work = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
});
Deno.test.afterAll(async () => {
  for (const folder of [templates, work]) await Deno.remove(folder, { recursive: true });
});

/** A program that makes a disk and prints the error if that fails. */
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
  Deno.test(`a disk of ${diskMib} MiB from the built templates is a clean, sparse ext4 that the kernel need not initialise`, async () => {
    const disk = `${work}/${diskMib}`;
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
  });
}

Deno.test("the templates are the same bytes each time they are built", async () => {
  const again = await build();
  try {
    const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(names(again), names(templates));
    for (const name of names(templates)) {
      assert.deepEqual(await Deno.readFile(`${again}/${name}`), await Deno.readFile(`${templates}/${name}`));
    }
  } finally {
    await Deno.remove(again, { recursive: true });
  }
});

Deno.test("createDisk() on a full disk reports it and leaves no file", async () => {
  const full = `${work}/full`;
  await Deno.mkdir(full);
  const script = `mount -t tmpfs -o size=16k none "$1" && "$2" eval "$3" && ls -A "$1" | wc -l`;
  const { text } = await run(
    // In a new mount namespace; for an ordinary user, in a new user namespace too.
    ...["unshare", "-m", ...(Deno.uid() === 0 ? [] : ["-r"]), "sh", "-c", script, "sh"] as [string, ...string[]],
    full,
    Deno.execPath(),
    createDiskScript(`${full}/disk`, { templates }),
  );
  assert.equal(text, `storage: Cannot create the disk "${full}/disk": No space left on device\n0\n`);
});

/** The template that build_disk_template.ts builds, and disks made from it, judged by e2fsprogs. */
import assert from "node:assert/strict";

const SCRIPT = new URL("./build_disk_template.ts", import.meta.url).pathname;
const DISK = new URL("../src/storage/disk.ts", import.meta.url).href;

async function run(command: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const env = { PATH: `${Deno.env.get("PATH")}:/sbin:/usr/sbin` };
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

async function withTemplate(test: (folder: string, template: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "smolvm-disk-" });
  try {
    const built = await run(Deno.execPath(), "run", "-A", "--no-check", SCRIPT, `${folder}/template`);
    assert.equal(built.code, 0, built.text);
    await test(folder, `${folder}/template`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A program that makes a disk and prints how it failed, if it did. */
const createDiskScript = (path: string, template: string) =>
  `const { createDisk } = await import(${JSON.stringify(DISK)});
   try { createDisk(${JSON.stringify(path)}, { template: ${JSON.stringify(template)} }); }
   catch (error) { console.log(error.code + ": " + error.message); }`;

Deno.test("a disk from the built template is a clean, sparse ext4 with nothing left for the kernel to initialise", () =>
  withTemplate(async (folder, template) => {
    assert.ok((await Deno.stat(template)).size < 1024 ** 2);
    const disk = `${folder}/disk`;
    assert.equal((await run(Deno.execPath(), "eval", createDiskScript(disk, template))).text, "");

    const { size, blocks } = await Deno.stat(disk);
    assert.equal(size, 10 * 1024 ** 3);
    assert.ok(blocks! * 512 < 1024 ** 2, `${blocks} blocks are allocated`);

    const check = await run("e2fsck", "-fn", disk);
    assert.equal(check.code, 0, check.text);
    const { text } = await run("dumpe2fs", disk);
    assert.match(text, /volume name: +smolvm\n/);
    assert.match(text, /Reserved block count: +0\n/);
    assert.match(text, /Total journal size: +4096k\n/);
    const groups = text.match(/^Group \d+:.*$/gm) ?? [];
    assert.equal(groups.length, 80);
    assert.deepEqual(groups.filter((line) => !line.includes("ITABLE_ZEROED")), []);
  }));

Deno.test("the template is the same bytes each time it is built", () =>
  withTemplate((_, first) =>
    withTemplate(async (_, second) => {
      assert.deepEqual(await Deno.readFile(first), await Deno.readFile(second));
    })
  ));

Deno.test("createDisk() on a full disk says so and leaves no file", () =>
  withTemplate(async (folder, template) => {
    await Deno.mkdir(`${folder}/full`);
    const script = `mount -t tmpfs -o size=16k none "$1/full" && "$2" eval "$3" && ls -A "$1/full" | wc -l`;
    const { text } = await run(
      // A mount namespace of its own, for an ordinary user within a user namespace.
      ...["unshare", "-m", ...(Deno.uid() === 0 ? [] : ["-r"]), "sh", "-c", script, "sh"] as [string, ...string[]],
      folder,
      Deno.execPath(),
      createDiskScript(`${folder}/full/disk`, template),
    );
    assert.equal(text, `storage: Cannot create the disk "${folder}/full/disk": No space left on device\n0\n`);
  }));

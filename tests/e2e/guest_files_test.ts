/** The files of a running machine through the runtime module. */
import assert from "node:assert/strict";
import { type GuestFiles, Machine, SmolvmError } from "../../src/mod.ts";
import { setEnv } from "../helpers/env.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs } = suite;
const { create, start, stop, remove, listed, inGuest } = machineCommands(suite);

const MIB = 1024 ** 2;

/** Runs a test with the files of a machine that runs only the agent's `idle`, as an ordinary user. */
async function withFiles(body: (fs: GuestFiles, here: string) => Promise<void>, ...options: string[]): Promise<void> {
  const here = await suite.makeFolder(`files-${crypto.randomUUID()}`);
  await create("box", "--user", "1234", ...options, rootfs, "/proc/self/exe", "idle");
  await start("box");
  {
    using _ = setEnv(suite.env);
    await body((await Machine.get("box")).fs, here);
  }
  await remove("box");
}

/** Runs a script in the machine and returns its output. */
const guest = (script: string) => inGuest("box", script, { user: "root" });

async function assertFails(doing: Promise<unknown>, code: string, message: string): Promise<void> {
  await assert.rejects(doing, (error) => {
    assert.ok(error instanceof SmolvmError, String(error));
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  });
}

test("fs writes, reads, lists, describes and removes files without programs of the image", () =>
  withFiles(async (fs) => {
    await fs.mkdir("/made/below", { recursive: true, mode: 0o700 });
    await fs.writeTextFile("/made/text", "k\u{e4}se\n", { mode: 0o751 });
    assert.equal(await guest("cat /made/text; stat -c '%a %u %g' /made /made/text"), "k\u{e4}se\n700 0 0\n751 0 0\n");
    await guest("chown 12:34 /made/text; touch -d '2001-02-03 04:05:06' /made/text; ln -s text /made/link");
    const info = { isFile: true, isDirectory: false, isSymlink: false, size: 6, mode: 0o751, uid: 12, gid: 34 };
    const mtime = new Date("2001-02-03T04:05:06Z");
    assert.deepEqual(await fs.stat("made/link"), { ...info, mtime });
    assert.equal((await fs.lstat("made/link")).isSymlink, true);
    await fs.writeTextFile("/made/link", "new");
    assert.equal(
      await guest("cat /made/text; stat -c '%a %u %g' /made/text; readlink /made/link"),
      "new751 12 34\ntext\n",
    );
    assert.deepEqual((await fs.readDir("/made")).map(({ name }) => name), ["below", "link", "text"]);
    assert.equal((await fs.stat("/")).isDirectory, true);
    // This file is in the image, not on the machine's disk.
    assert.match(await fs.readTextFile("/etc/passwd"), /^root:/);
    assert.match(await fs.readTextFile("/proc/version"), /^Linux version /);
    await assertFails(fs.remove("/made"), "file", 'Cannot remove "box:/made": Directory not empty');
    await fs.remove("/made", { recursive: true });
    await assertFails(fs.readDir("/made"), "no-file", 'Cannot list "box:/made": No such file or directory');
    await assertFails(
      fs.writeTextFile("/made/x", ""),
      "no-file",
      'Cannot write "box:/made/x": No such file or directory',
    );
    await assertFails(fs.readFile("/etc"), "file", 'Cannot read "box:/etc": Is a directory');
    await assertFails(fs.readFile("/dev/zero"), "file", 'Cannot read "box:/dev/zero": Operation not supported');
    await guest("touch $(printf '/tmp/\\344')");
    await assertFails(fs.readDir("/tmp"), "file", 'Cannot list "box:/tmp": A name in it is not UTF-8');
    await stop("box");
    assert.equal((await listed("box")).exitCode, 0);
    await assertFails(fs.stat("/"), "machine-state", 'Machine "box" is not running: it is stopped');
  }));

test("fs copies large files in and out, and an interrupted write leaves nothing", () =>
  withFiles(async (fs, here) => {
    const data = new Uint8Array(3 * MIB).map((_, index) => index % 251);
    await fs.writeFile("/big", data);
    assert.deepEqual(await fs.readFile("/big"), data);
    await assertFails(
      fs.readFile("/big", { maxBytes: MIB }),
      "file",
      `Cannot read "box:/big": It has more than ${MIB} bytes`,
    );
    const controller = new AbortController();
    const { signal } = controller;
    async function* endless() {
      for (let count = 0; true; count++) {
        if (count === 3) controller.abort();
        yield await Promise.resolve(data);
      }
    }
    await assert.rejects(fs.writeFile("/big", endless(), { signal }), { name: "AbortError" });
    async function* broken() {
      yield await Promise.resolve(data.subarray(0, 7));
      throw new Error("broken");
    }
    await assert.rejects(fs.writeFile("/big", broken()), { message: "broken" });
    assert.deepEqual(await fs.readFile("/big"), data);
    assert.equal(await guest("ls -A / | grep smolvm; true"), "");
    await fs.copyOut("/big", `${here}/big`);
    assert.deepEqual(await Deno.readFile(`${here}/big`), data);
    await Deno.mkdir(`${here}/folder`);
    await Deno.writeTextFile(`${here}/folder/file`, "x");
    await fs.copyIn(`${here}/folder`, "/copied");
    assert.equal(await fs.readTextFile("/copied/file"), "x");
  }));

test("fs writes to a volume's folder; remove() of a folder above the mount point keeps its files", async () => {
  const volume = await suite.makeFolder("volume");
  await Deno.writeTextFile(`${volume}/old`, "old");
  await withFiles(
    async (fs) => {
      await fs.writeTextFile("/mnt/data/new", "new");
      assert.equal(await Deno.readTextFile(`${volume}/new`), "new");
      const busy = 'Cannot remove "box:/mnt": "data": Device or resource busy';
      await assertFails(fs.remove("/mnt", { recursive: true }), "file", busy);
      assert.deepEqual([...Deno.readDirSync(volume)].map(({ name }) => name).sort(), ["new", "old"]);
      await fs.remove("/mnt/data/old");
    },
    "-v",
    `${volume}:/mnt/data`,
  );
  assert.deepEqual([...Deno.readDirSync(volume)].map(({ name }) => name), ["new"]);
});

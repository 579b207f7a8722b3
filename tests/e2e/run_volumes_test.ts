/** The host's folders in the guest, and their protection from a hostile guest. */
import assert from "node:assert/strict";
import { runnersOf } from "../helpers/inventory.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { residentBytes } from "../helpers/memory.ts";
import { assertCode } from "../helpers/process.ts";
import { treeOf } from "../helpers/tree.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";

const suite = vmSuite();
const { test, smolvm, start, rootfs } = suite;
const machines = machineCommands(suite);

const READ_MIB = 96;
let readerPid: number | undefined;

/** Starts a machine that has read a file, and is idle while other tests run. */
async function startReader(): Promise<void> {
  if (readerPid !== undefined) return;
  const folder = await suite.makeFolder("read");
  await Deno.writeFile(`${folder}/file`, new Uint8Array(READ_MIB * 1024 ** 2));
  await machines.create("reader", "-v", `${folder}:/read`, rootfs, "sleep", "100000");
  await machines.start("reader");
  await machines.inGuest("reader", "cat /read/file >/dev/null");
  readerPid = (await machines.listed("reader")).pid!;
  assert.ok(residentMib(readerPid) > READ_MIB, "the file is in its memory");
}

/** Returns the resident memory of a process in MiB. */
const residentMib = (pid: number) => residentBytes(pid) / 1024 ** 2;

test(
  "run mounts 20 volumes, with relative paths, symlinks, missing mount points and nested volumes",
  async () => {
    const folder = await suite.makeFolder("many");
    const options: string[] = [];
    for (let index = 0; index < 18; index++) {
      await Deno.mkdir(`${folder}/host${index}`);
      await Deno.writeTextFile(`${folder}/host${index}/number`, `${index}`);
      options.push("--volume", `host${index}:/made/for/it ${index}${index % 2 === 0 ? ":ro" : ""}`);
    }
    await Deno.mkdir(`${folder}/inner`);
    await Deno.symlink("inner", `${folder}/link`);
    await Deno.mkdir(`${folder}/outer`);
    options.push("-v", `${folder}/link:/outer/a/inner`, "-v", `./outer:/outer:rw`);
    // Only a supplementary group lets a user of the guest make files in this folder. Only root can use several users.
    const shared = `${folder}/outer/shared`;
    await Deno.mkdir(shared);
    if (Deno.uid() === 0) await Deno.chown(shared, 0, 2000);
    await Deno.chmod(shared, 0o2770);
    const script = `for i in $(seq 0 17); do cat "/made/for/it $i/number"; echo " $i" >>"/made/for/it $i/number"; done
    echo from the guest >/outer/a/inner/file; touch /outer/file
    su app -c 'cd /outer/shared && mkdir made && echo mine >made/file; mkdir /outer/refused 2>/dev/null'; true`;
    const outcome = await smolvm(["run", ...options, rootfs, "sh", "-c", script], { cwd: folder });
    assertCode(outcome, 0);
    const indices = Array.from({ length: 18 }, (_, index) => index);
    assert.equal(outcome.stdout, indices.join(""));
    const contents = indices.map((index) => Deno.readTextFileSync(`${folder}/host${index}/number`));
    assert.deepEqual(contents, indices.map((index) => index % 2 === 0 ? `${index}` : `${index} ${index}\n`));
    assert.equal(await Deno.readTextFile(`${folder}/inner/file`), "from the guest\n");
    assert.equal((await Deno.stat(`${folder}/outer/file`)).size, 0);
    if (Deno.uid() === 0) {
      const { uid, gid } = await Deno.stat(`${shared}/made/file`);
      assert.deepEqual([uid, gid], [1000, 2000]);
    }
    await assert.rejects(Deno.stat(`${folder}/outer/refused`), Deno.errors.NotFound);
  },
  { setUp: startReader },
);

/** Tries to change the file "target" in a folder, and the folder itself, in every possible way. */
const ATTACK = `attack() {
  echo x >>"$1/target"; echo x >"$1/new"; rm -f "$1/target"; mv "$1/target" "$1/moved"; ln "$1/target" "$1/hard"
  chmod 0 "$1/target" "$1"; chown 1:1 "$1/target"; touch -d 2001-01-01 "$1/target" "$1"; mkdir "$1/folder"
  mknod "$1/node" c 1 3; truncate -s 0 "$1/target"; ln -s target "$1/link"
}`;

/** Attacks from the root of libkrun's share, where everything is visible. Its output proves that the attacks ran. */
const ATTACK_FROM_BOOT_FOLDER = `${ATTACK}
for path in / /s /s/rootfs /s/v0 /s/v1; do mount -o remount,rw "$path"; mount -o remount,rw,bind "$path"; done
[ -e /s/rootfs/etc/target ] && echo sees the root filesystem; attack /s/rootfs/etc; attack /s/rootfs/home; attack /s/rootfs
[ -e /s/v0/target ] && echo sees the volume; attack /s/v0
echo through the share >/s/v1/written && echo writes the other volume
echo x >/agent; echo x >>/agent; rm -f /agent; mv /agent /moved; mkdir /new && echo writes the boot folder
stat -c "agent of %s" /agent`;

/** Attacks through the volume's mount, through a second mount of the share, and from below the guest's root. */
const HOSTILE = `${ATTACK}
mount -o remount,rw /ro; mount -o remount,rw,bind /ro; mount -o bind,rw /ro /mnt; attack /ro; attack /mnt; umount /mnt
mkdir /again; mount -t virtiofs /dev/root /again && echo mounted the share again
mount -o remount,rw /again; attack /again; attack /again/etc; attack /again/s/rootfs/etc; attack /again/s/v0
cd /proc; umount -l / && exec nsenter -m./$$/ns/mnt /s/rootfs/bin/env PATH=/s/rootfs/bin sh -c "$FROM_BOOT_FOLDER"`;

test("a guest's root cannot change a :ro volume, the root filesystem or the boot folder", async () => {
  const folder = await suite.makeFolder("hostile");
  const source = `${folder}/rootfs`;
  await Deno.mkdir(source);
  await buildRootfs(source);
  await Deno.mkdir(`${source}/mnt`);
  await Deno.writeTextFile(`${source}/etc/target`, "of the root filesystem");
  await Deno.mkdir(`${folder}/ro`);
  await Deno.writeTextFile(`${folder}/ro/target`, "of the volume");
  await Deno.mkdir(`${folder}/rw`);
  const before = { rootfs: treeOf(source), volume: treeOf(`${folder}/ro`) };

  const volumes = ["-v", `${folder}/ro:/ro:ro`, "-v", `${folder}/rw:/rw`];
  const options = [...volumes, "-e", `FROM_BOOT_FOLDER=${ATTACK_FROM_BOOT_FOLDER}`];
  const outcome = await smolvm(["run", ...options, source, "sh", "-c", HOSTILE]);
  assertCode(outcome, 0);
  assert.deepEqual({ rootfs: treeOf(source), volume: treeOf(`${folder}/ro`) }, before);
  const agent = `../../lib/smolvm-agent-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
  const { size } = await Deno.stat(new URL(agent, import.meta.url));
  assert.deepEqual(outcome.stdout.trimEnd().split("\n"), [
    "mounted the share again",
    "sees the root filesystem",
    "sees the volume",
    "writes the other volume",
    `agent of ${size}`,
  ]);
  assert.equal(await Deno.readTextFile(`${folder}/rw/written`), "through the share\n");
});

/** Changes a root filesystem in many ways, and prints the results. */
const REWRITE = `
for file in $(find / -xdev -type f ! -name busybox); do echo changed >"$file"; touch -d 2001-01-01 "$file"; done
chmod 700 /etc; chown -R 1:1 /home; mv /usr /moved; rm -rf /var; mkdir -p /var/new; ln -s /etc /var/link
rm /bin/wc; ln /bin/busybox /bin/hard; echo more >>/bin/busybox; rm -f /etc/group; dd if=/dev/zero of=/big bs=1M count=64
cat /etc/passwd; ls -d /moved/bin /var/new /bin/hard; cat /bin/wc /etc/group 2>&1 | grep -c "No such file"; stat -c %s /big; ls -A /s /disk
`;

test("run does not change its SOURCE folder, including the times, when the command writes", async () => {
  const folder = await suite.makeFolder("unchanged");
  await buildRootfs(folder);
  const before = treeOf(folder);
  const outcome = await smolvm(["run", folder, "sh", "-c", REWRITE]);
  assertCode(outcome, 1); // from the last ls: the boot folder is out of reach
  assert.deepEqual(outcome.stdout.trimEnd().split("\n"), [
    "changed",
    "/bin/hard",
    "/moved/bin",
    "/var/new",
    "2",
    `${64 * 1024 * 1024}`,
  ]);
  assert.deepEqual(treeOf(folder), before);
});

/** Whether scripts/setup has built libkrun. Without cargo it installs an older one, which has no patch. */
const isPatched = !Deno.realPathSync(new URL("../../lib/libkrun.so.1", import.meta.url)).includes("so.1.17.");

if (isPatched) test("the runner closes a volume's files when the guest has dropped them from its cache", forgets);

async function forgets(): Promise<void> {
  const folder = await suite.makeFolder("forgotten");
  for (let i = 0; i < 2_000; i++) Deno.writeTextFileSync(`${folder}/listed${i}`, "");
  const script = `ls -l /many | grep -c listed; mkdir /many/copy; cp /many/listed1?? /many/copy; rm /many/listed?
    echo 3 >/proc/sys/vm/drop_caches; echo forgotten; exec sleep 1000`;
  await using machine = start(["run", "--init", "-v", `${folder}:/many`, rootfs, "sh", "-c", script]);
  await machine.untilStdout(/^2000\nforgotten\n/);
  assert.equal([...Deno.readDirSync(folder)].length, 1_991);
  assert.equal([...Deno.readDirSync(`${folder}/copy`)].length, 100);
  const runner = runnersOf(suite).find((pid) => pid !== readerPid);
  const openFiles = () =>
    [...Deno.readDirSync(`/proc/${runner}/fd`)].map(({ name }) => linkOf(`/proc/${runner}/fd/${name}`));
  assert.ok(openFiles().length > 10);
  // The guest's kernel tells libkrun after it has dropped the files.
  await until(() => !openFiles().some((path) => path.includes("/listed")));
  machine.kill("SIGTERM");
  assertCode(await machine.outcome, 143);
}

/** Returns the target of a link in /proc; "" if the link is gone. */
function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

/** Waits until the reader has given back most of the memory of the file; returns its memory before and after in MiB. */
async function giveBack(): Promise<[had: number, has: number]> {
  await startReader();
  const had = residentMib(readerPid!);
  await until(() => residentMib(readerPid!) < had - READ_MIB / 2, { everyMs: 500 }).catch(() => {});
  const has = residentMib(readerPid!);
  await machines.remove("reader");
  return [had, has];
}

let givenBack: [had: number, has: number];
test("an idle guest gives the memory of its page cache back to the host", () => {
  const [had, has] = givenBack;
  assert.ok(has < had - READ_MIB / 2, `${had} MiB to ${has} MiB`);
  return Promise.resolve();
}, { setUp: async () => void (givenBack = await giveBack()) });

/** The folders of the host in the guest, and what holds against a guest that means harm. */
import assert from "node:assert/strict";
import { assertCode } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;

/** Everything of a tree that a guest could change. */
function treeOf(folder: string): Record<string, string> {
  const entries: Record<string, string> = {};
  const visit = (path: string) => {
    const { mode, uid, gid, mtime, nlink, isDirectory, isSymlink, isFile } = Deno.lstatSync(path);
    const content = isSymlink ? Deno.readLinkSync(path) : isFile ? hashOf(Deno.readFileSync(path)) : "";
    entries[path] = [mode?.toString(8), uid, gid, mtime?.toISOString(), nlink, content].join(" ");
    if (isDirectory) { for (const { name } of Deno.readDirSync(path)) visit(`${path}/${name}`); }
  };
  visit(folder);
  return entries;
}

/** FNV-1a: quick, and no guest here looks for collisions. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

test("run mounts 20 volumes, relative and behind symlinks, at paths that are made, inside one another too", async () => {
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
  const script = `for i in $(seq 0 17); do cat "/made/for/it $i/number"; echo " $i" >>"/made/for/it $i/number"; done
    echo from the guest >/outer/a/inner/file; touch /outer/file; true`;
  const outcome = await smolvm(["run", ...options, rootfs, "sh", "-c", script], { cwd: folder });
  assertCode(outcome, 0);
  const indices = Array.from({ length: 18 }, (_, index) => index);
  assert.equal(outcome.stdout, indices.join(""));
  const contents = indices.map((index) => Deno.readTextFileSync(`${folder}/host${index}/number`));
  assert.deepEqual(contents, indices.map((index) => index % 2 === 0 ? `${index}` : `${index} ${index}\n`));
  assert.equal(await Deno.readTextFile(`${folder}/inner/file`), "from the guest\n");
  assert.equal((await Deno.stat(`${folder}/outer/file`)).size, 0);
});

/** Tries to change the file "target" in a folder, and the folder, in every way there is. */
const ATTACK = `attack() {
  echo x >>"$1/target"; echo x >"$1/new"; rm -f "$1/target"; mv "$1/target" "$1/moved"; ln "$1/target" "$1/hard"
  chmod 0 "$1/target" "$1"; chown 1:1 "$1/target"; touch -d 2001-01-01 "$1/target" "$1"; mkdir "$1/folder"
  mknod "$1/node" c 1 3; truncate -s 0 "$1/target"; ln -s target "$1/link"
}`;

/** In the folder that libkrun's share is, where everything can be seen. It prints what shows that the attempts were real. */
const ATTACK_FROM_BOOT_FOLDER = `${ATTACK}
for path in / /s /s/rootfs /s/v0 /s/v1; do mount -o remount,rw "$path"; mount -o remount,rw,bind "$path"; done
[ -e /s/rootfs/etc/target ] && echo sees the root filesystem; attack /s/rootfs/etc; attack /s/rootfs/home; attack /s/rootfs
[ -e /s/v0/target ] && echo sees the volume; attack /s/v0
echo through the share >/s/v1/written && echo writes the other volume
echo x >/agent; echo x >>/agent; rm -f /agent; mv /agent /moved; mkdir /new && echo writes the boot folder
stat -c "agent of %s" /agent`;

/** Through the volume's mount, through the share mounted once more, and from underneath the guest's own root. */
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

/** Changes what a root filesystem can have changed, and prints what came of it. */
const REWRITE = `
for file in $(find / -xdev -type f ! -name busybox); do echo changed >"$file"; touch -d 2001-01-01 "$file"; done
chmod 700 /etc; chown -R 1:1 /home; mv /usr /moved; rm -rf /var; mkdir -p /var/new; ln -s /etc /var/link
rm /bin/wc; ln /bin/busybox /bin/hard; echo more >>/bin/busybox; rm -f /etc/group; dd if=/dev/zero of=/big bs=1M count=64
cat /etc/passwd; ls -d /moved/bin /var/new /bin/hard; cat /bin/wc /etc/group 2>&1 | grep -c "No such file"; stat -c %s /big; ls -A /s /disk
`;

test("run leaves its SOURCE folder as it was, times included, whatever the command writes", async () => {
  const folder = await suite.makeFolder("unchanged");
  await buildRootfs(folder);
  const before = treeOf(folder);
  const outcome = await smolvm(["run", folder, "sh", "-c", REWRITE]);
  assertCode(outcome, 1); // of the last ls: the first root is out of reach
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

/** `cp` between this host and running machines. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeEnd } from "../../src/archive/encode.ts";
import { tarEntry } from "../helpers/archive.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;
const { create, start, remove, list, demand, inGuest } = machineCommands(suite);

const MIB = 1024 ** 2;
/** The timeout of a copy: the emulated machine is slow. */
const LONG_MS = 300_000;

/** Registers a test with a running machine and a folder of this host. */
type BoxTest = (name: string, folder: string, body: (here: string) => Promise<void>, disk?: string) => void;

const boot = async (disk: string) => {
  await create("box", "--disk", disk, rootfs, "sleep", "100000");
  await start("box");
};

/** Uses the machine of earlier tests, if there is one. */
const testWithShared: BoxTest = (name, folder, body, disk = "1g") => {
  const setUp = async () => {
    if ((await list()).length === 0) await boot(disk);
  };
  test(name, async () => await body(await suite.makeFolder(folder)), { setUp });
};

/** Makes a machine for this test alone. */
const testWithOwn: BoxTest = (name, folder, body, disk = "1g") => {
  const ownBody = async () => {
    await boot(disk);
    await body(await suite.makeFolder(folder));
    await remove("box");
  };
  test(name, ownBody, { setUp: () => remove("box") });
};

const cp = (...args: string[]) => smolvm(["cp", ...args], { timeoutMs: LONG_MS });

async function demandCopy(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await cp(...args);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
}

/** Runs a script in the machine and returns its output. */
const guest = (script: string) => inGuest("box", script, { user: "root" });

async function host(script: string, cwd: string): Promise<string> {
  const outcome = await runProcess("sh", { args: ["-c", script], cwd });
  assertCode(outcome, 0);
  return outcome.stdout;
}

function assertFailed({ code, stdout, stderr }: Outcome, message: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: "", stderr: `smolvm: ${message}\n` });
}

/** Lists a tree on either side: permissions, type, link count, time, name, and the target of symlinks. */
const LIST = `find . -print0 | sort -z | xargs -0 stat -c '%a %F %h %Y %N' | tr -d "'"`;
const MAKE_TREE =
  "mkdir -p tree/sub/shut && cd tree && echo one >sub/one && ln sub/one two && ln -s ../two sub/link && " +
  "ln -s /nowhere dangling && : >empty && printf 'x%.0s' $(seq 10000) >'a name with spaces' && " +
  `mkdir ${"d".repeat(150)} && echo deep >${"d".repeat(150)}/${"f".repeat(150)} && chmod 751 two && ` +
  "touch -d '2001-02-03 04:05:06' two sub sub/shut && chmod 500 sub/shut";

const LARGE = 8 * MIB;

testWithShared("cp copies 8 MiB in and out unchanged", "large", async (here) => {
  const chunk = crypto.getRandomValues(new Uint8Array(65536));
  const hash = createHash("sha256");
  {
    using file = await Deno.open(`${here}/big`, { write: true, createNew: true });
    for (let at = 0; at < LARGE; at += chunk.length) {
      new DataView(chunk.buffer).setUint32(0, at);
      await file.write(chunk);
      hash.update(chunk);
    }
  }
  const sum = hash.digest("hex");
  await demandCopy(`${here}/big`, "box:/big");
  assert.equal((await guest("sha256sum /big")).split(" ")[0], sum);
  await demandCopy("box:/big", `${here}/back`);
  assert.equal((await host("sha256sum back", here)).split(" ")[0], sum);
});

testWithShared(
  "cp keeps the links, modes and times of a tree in both directions, and owners with --archive",
  "trees",
  async (here) => {
    await host(MAKE_TREE, here);
    await demandCopy(`${here}/tree`, "box:/tmp");
    const tree = await host(LIST, `${here}/tree`);
    assert.equal(await guest(`cd /tmp/tree && ${LIST}`), tree);
    await demandCopy("box:/tmp/tree", `${here}/back`);
    assert.equal(await host(LIST, `${here}/back`), tree);
    await host("diff -r --no-dereference tree back", here);

    await demandCopy(`${here}/tree/.`, "box:new");
    assert.equal(await guest(`cd /new && ${LIST}`), tree);
    await demandCopy("box:/new/sub/link", `${here}/link`);
    assert.equal(await Deno.readLink(`${here}/link`), "../two");
    await demandCopy("-L", "box:new/sub/link", `${here}/followed`);
    assert.equal(await Deno.readTextFile(`${here}/followed`), "one\n");

    await host("truncate -s 3M three", here);
    await using terminal = onTerminal(
      suite,
      `"$SMOLVM" cp ${here}/three box:/tmp; "$SMOLVM" cp -q ${here}/three box:/x`,
    );
    const { stdout } = await terminal.finish();
    const shown = stdout.replaceAll("\r\x1b[K", "<erase>");
    assert.match(shown, /<erase>\[=*> *\] +\d+% {2}\d.*B of 3.15 MB.*<erase>Copied 3.15 MB to box:\/tmp\r\nrestored/);

    await host("echo mine >mine && chown 1000:2000 mine", here);
    await demandCopy(`${here}/mine`, "box:/plain");
    await demandCopy("-a", `${here}/mine`, "box:/kept");
    assert.equal(await guest("stat -c %u:%g /plain /kept"), "0:0\n1000:2000\n");
    await demandCopy("box:/kept", `${here}/plain`);
    await demandCopy("--archive", "box:/kept", `${here}/kept`);
    assert.equal(await host("stat -c %u:%g plain kept", here), `${Deno.uid()}:${Deno.gid()}\n1000:2000\n`);
  },
);

testWithShared(
  "cp reads and writes tar streams, and refuses entries that would leave the destination",
  "streams",
  async (here) => {
    await host(MAKE_TREE, here);
    await host("truncate -s 1M tree/sparse && echo end >>tree/sparse", here);
    const formats = [
      ["gnu"],
      ["pax"],
      ["zst", "--format=gnu", "--sparse", "--label=a label", "--zstd"],
      ["xz", "--format=pax", "--sparse", "--xz"],
      ["gz", "--gzip"],
      ["bz2", "--bzip2"],
    ];
    const tree = await host(LIST, `${here}/tree`);
    await guest(`mkdir ${formats.map(([format]) => `/${format}`).join(" ")}`);
    for (const [format, ...options] of formats) {
      const args = ["c", ...(options.length > 0 ? options : [`--format=${format}`]), "tree"];
      const { bytes } = await runProcess("tar", { args, cwd: here });
      assertCode(await smolvm(["cp", "-", `box:/${format}`], { input: bytes }), 0);
      const found = await guest(`cd /${format}/tree && ${LIST} && tail -c 4 sparse && stat -c %b sparse`);
      const blocks = Number(found.trimEnd().split("\n").at(-1));
      assert.equal(found, `${tree}end\n${blocks}\n`);
      assert.equal(blocks < 1024, options.includes("--sparse"), `${format}: ${blocks} blocks`);
    }
    const { bytes: broken } = await runProcess("tar", { args: ["c", "--gzip", "tree"], cwd: here });
    broken.fill(0, broken.length - 8);
    assertFailed(
      await smolvm(["cp", "-", "box:/tmp"], { input: broken }),
      "Cannot read the archive: gzip: stdin: invalid compressed data--crc error",
    );
    const { code, bytes, stderr } = await cp("box:/pax/tree", "-");
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.mkdir(`${here}/out`);
    assertCode(await runProcess("tar", { args: ["xp"], cwd: `${here}/out`, input: bytes }), 0);
    assert.equal(await host(LIST, `${here}/out/tree`), tree);

    await guest("mkdir -p /in/below && ln -s /etc /in/below/link");
    const extract = async (...parts: Uint8Array<ArrayBuffer>[]) => {
      const input = await new Blob([...parts, encodeEnd()]).bytes();
      return await smolvm(["cp", "-", "box:/in/below"], { input });
    };
    const refused = (name: string, why: string) => `Cannot copy to "box:/in/below": "${name}": ${why}`;
    const OUT = "It would leave the destination";
    assertFailed(await extract(tarEntry({ name: "../evil" })), refused("../evil", OUT));
    assertCode(await extract(tarEntry({ name: "/absolute" })), 0);
    assertFailed(await extract(tarEntry({ name: "link/evil" })), refused("link/evil", "Not a directory"));
    const own = tarEntry({ type: "symlink", name: "own", link: "/" });
    assertFailed(await extract(own, tarEntry({ name: "own/evil" })), refused("own/evil", "Not a directory"));
    const hard = tarEntry({ type: "hardLink", name: "hard", link: "../../etc/passwd" });
    assertFailed(await extract(hard), refused("hard", OUT));
    assertFailed(
      await smolvm(["cp", "-", "box:/in/below"], { input: "no tar at all".repeat(100) }),
      'Cannot copy to "box:/in/below": The archive is broken',
    );
    assert.equal(
      await guest("ls -A / /etc /in | grep -c evil; ls -A /in/below"),
      "0\nabsolute\nlink\nown\n",
    );
  },
);

testWithShared("cp copies a changing folder, files of /proc and /sys, and the sticky bit", "living", async (here) => {
  const churn = "i=0; while :; do i=$((i + 1)); head -c 90000 /dev/zero >/live/t$i; rm -f /live/t$((i - 9)); done";
  await guest(
    `mkdir -m 1777 /live; for i in $(seq 200); do echo $i >/live/last$i; done; (${churn}) >/dev/null 2>&1 &`,
  );
  const { code, stdout, stderr } = await cp("box:/live", here);
  await guest("pkill -f /live; true");
  assert.equal(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  if (code !== 0) {
    assert.equal(code, 1);
    const changed = `${lines.length - 1} of its files changed or could not be read`;
    assert.equal(lines.pop(), `smolvm: Cannot copy all of "box:/live": ${changed}`);
    for (const line of lines) {
      assert.match(line, /^smolvm: "t\d+" (is left out: it has vanished|has become shorter .*)$/);
    }
  } else assert.equal(stderr, "");
  assert.equal(
    await host("ls live | grep -c last; cat live/last* | sort -n | tail -n 1; stat -c %a live", here),
    "200\n200\n1777\n",
  );

  const meminfo = await cp("box:/proc/meminfo", "-");
  assertCode(meminfo, 0);
  assert.match(meminfo.stdout, /MemTotal: +\d+ kB\n/);
  await demandCopy("box:/sys/class/net/lo/mtu", `${here}/mtu`);
  assert.equal(await Deno.readTextFile(`${here}/mtu`), "65536\n");
  await demandCopy("/proc/filesystems", "box:/filesystems");
  assert.equal(await guest("cat /filesystems"), await Deno.readTextFile("/proc/filesystems"));
});

testWithOwn("cp refuses an impossible copy with one line, and changes nothing", "refusals", async (here) => {
  await host("mkdir folder && echo x >file", here);
  const before = await guest("find / -xdev | sort");
  assertFailed(await cp(`${here}/none`, "box:/tmp"), `Cannot copy "${here}/none": No such file or directory`);
  assertFailed(await cp("box:/none", here), 'Cannot copy "box:/none": No such file or directory');
  assertFailed(await cp(`${here}/file`, "box:/etc/passwd/x"), 'Cannot copy to "box:/etc/passwd/x": Not a directory');
  assertFailed(await cp(`${here}/file`, "box:/no/such"), 'Cannot copy to "box:/no/such": No such file or directory');
  assertFailed(await cp(`${here}/file`, "box:/tmp/x/"), 'Cannot copy to "box:/tmp/x/": No such file or directory');
  assertFailed(await cp(`${here}/folder`, "box:/etc/passwd"), 'Cannot copy to "box:/etc/passwd": Not a directory');
  assertFailed(await cp("box:/etc", `${here}/file`), `Cannot copy to "${here}/file": Not a directory`);
  assertFailed(await cp("box:/etc/passwd", `${here}/file/x`), `Cannot copy to "${here}/file/x": Not a directory`);
  assertFailed(await cp("box:/dev/null", `${here}/null`), 'Cannot copy "box:/dev/null": Operation not supported');
  assertFailed(await cp("box:/dev/zero", "-"), 'Cannot copy "box:/dev/zero": Operation not supported');
  assertFailed(
    await cp("box:/proc/sys", `${here}/sys`),
    'Cannot copy "box:/proc/sys": It is a virtual file system: copy its files one by one',
  );
  assertFailed(await cp(`${here}/file`, "bxo:/"), 'No such machine: "bxo"\nDid you mean "box"?');
  assert.equal(await guest("find / -xdev | sort"), before);
  assert.equal(await host("ls -A", here), "file\nfolder\n");
  await demand(["stop", "-t", "0", "box"]);
  assertFailed(
    await cp(`${here}/file`, "box:/"),
    'Machine "box" is not running: it is stopped\nStart it: smolvm start box',
  );
});

testWithOwn("cp removes a file that does not fit on the guest's disk", "full", async (here) => {
  // Leave 8 MiB free, besides the blocks that only root may use.
  await guest("fallocate -l $((($(df -k / | awk 'END {print $4}') - 8192) * 1024)) /filler");
  await host("truncate -s 20M big && mkdir -p folder && mv big folder && echo small >folder/small", here);
  assertFailed(await cp(`${here}/folder/big`, "box:/big"), 'Cannot copy to "box:/big": No space left on device');
  assertFailed(
    await cp(`${here}/folder/big`, "box:/tmp"),
    'Cannot copy to "box:/tmp": "big": No space left on device',
  );
  assert.equal(await guest("find / -xdev -name '*big*' -o -xdev -name '.smolvm*'"), "");
  await demandCopy(`${here}/folder/small`, "box:/tmp");
}, "128m");

testWithOwn("an interrupted copy leaves no files in the guest or on the host", "broken", async (here) => {
  const part = new Uint8Array(2 * MIB);
  await guest("mkdir /in; echo old >/in/file");
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    await using client = suite.start(["cp", "-", "box:/in"]);
    await client.write(tarEntry({ name: "file", size: 100 * MIB }));
    // More than the buffers on the way can hold.
    await client.write(part);
    client.kill(signal);
    const { code, stderr } = await client.outcome;
    assert.equal(code, signal === "SIGINT" ? 130 : 137);
    assert.equal(stderr, signal === "SIGINT" ? "smolvm: Interrupted by SIGINT\n" : "");
    assert.equal(await guest("ls -A /in; cat /in/file"), "file\nold\n");
  }
  await guest("truncate -s 64M /big");
  const breakOff = async (how: (pid: number) => Promise<unknown>) => {
    await using client = suite.start(["cp", "box:/big", `${here}/big`], { timeoutMs: LONG_MS });
    const received = () => [...Deno.readDirSync(here)].some(({ name }) => Deno.lstatSync(`${here}/${name}`).size > MIB);
    await until(received);
    await how(client.pid);
    return await client.outcome;
  };
  assertCode(await breakOff((pid) => Promise.resolve(Deno.kill(pid, "SIGTERM"))), 143);
  assert.deepEqual([...Deno.readDirSync(here)], []);
  assertFailed(
    await breakOff(() => demand(["stop", "--force", "box"])),
    'Cannot copy "box:/big": Machine "box" ended before the command',
  );
  assert.deepEqual([...Deno.readDirSync(here)], []);
});

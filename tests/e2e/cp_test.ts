/** Copies between this host and machines that run. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodeEnd } from "../../src/archive/encode.ts";
import { tarEntry } from "../helpers/archive.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { Peak, peakMib, runnerMib } from "../helpers/memory.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;
const { create, start, remove, listed, demand } = machineCommands(suite);

const MIB = 1024 ** 2;
/** Of one that is not told of sooner; the emulated machine is slow. */
const LONG_MS = 300_000;

/** Runs a test with a machine that runs, and a folder of this host. */
async function withMachine(
  folder: string,
  body: (here: string) => Promise<void>,
  { disk = "1g", source = rootfs } = {},
): Promise<void> {
  await create("box", "--disk", disk, source, "sleep", "100000");
  await start("box");
  await body(await suite.makeFolder(folder));
  await remove("box");
}

const cp = (...args: string[]) => smolvm(["cp", ...args], { timeoutMs: LONG_MS });

async function demandCopy(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await cp(...args);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
}

/** The output of a shell in the machine. */
async function guest(script: string): Promise<string> {
  const outcome = await smolvm(["exec", "-u", "root", "box", "sh", "-c", script], { timeoutMs: LONG_MS });
  assertCode(outcome, 0);
  return outcome.stdout;
}

async function host(script: string, cwd: string): Promise<string> {
  const outcome = await runProcess("sh", { args: ["-c", script], cwd });
  assertCode(outcome, 0);
  return outcome.stdout;
}

function assertFailed({ code, stdout, stderr }: Outcome, message: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: "", stderr: `smolvm: ${message}\n` });
}

/** What both sides can say of a tree: permissions, kind, link count, time, name, and where links lead. */
const LIST =
  `find . | sort | while read -r name; do echo "$(stat -c '%a %F %h %Y' "$name") $name $(readlink "$name")"; done`;
const MAKE_TREE =
  "mkdir -p tree/sub/shut && cd tree && echo one >sub/one && ln sub/one two && ln -s ../two sub/link && " +
  "ln -s /nowhere dangling && : >empty && printf 'x%.0s' $(seq 10000) >'a name with spaces' && " +
  `mkdir ${"d".repeat(150)} && echo deep >${"d".repeat(150)}/${"f".repeat(150)} && chmod 751 two && ` +
  "touch -d '2001-02-03 04:05:06' two sub sub/shut && chmod 500 sub/shut";

test("cp carries 200 MiB in and out as they are, in little memory", () =>
  withMachine("large", async (here) => {
    const chunk = crypto.getRandomValues(new Uint8Array(65536));
    const hash = createHash("sha256");
    {
      using file = await Deno.open(`${here}/big`, { write: true, createNew: true });
      for (let at = 0; at < 200 * MIB; at += chunk.length) {
        new DataView(chunk.buffer).setUint32(0, at);
        await file.write(chunk);
        hash.update(chunk);
      }
    }
    const sum = hash.digest("hex");
    const runner = (await listed("box")).pid!;
    const measured = async (...args: string[]) => {
      await using client = suite.start(["cp", ...args], { timeoutMs: LONG_MS });
      using clientPeak = new Peak(() => peakMib(client.pid));
      using runnerPeak = new Peak(() => runnerMib(runner));
      const { code, stdout, stderr } = await client.finish();
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
      const figures = `client ${clientPeak.largest.toFixed(0)} MiB, runner ${runnerPeak.largest.toFixed(0)} MiB`;
      console.log(`cp ${args[0]?.startsWith("box") ? "out" : "in"}: ${figures}`);
      assert.ok(clientPeak.largest > 10 && clientPeak.largest < 150, figures);
      assert.ok(runnerPeak.largest > 10 && runnerPeak.largest < 150, figures);
    };
    await measured(`${here}/big`, "box:/big");
    assert.equal((await guest("sha256sum /big")).split(" ")[0], sum);
    await measured("box:/big", `${here}/back`);
    assert.equal((await host("sha256sum back", here)).split(" ")[0], sum);
  }));

test("cp keeps links, modes and times of a tree both ways, and owners with --archive", () =>
  withMachine("trees", async (here) => {
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
  }));

test("cp takes and gives tar streams, and refuses what would leave the destination", () =>
  withMachine("streams", async (here) => {
    await host(MAKE_TREE, here);
    for (const format of ["gnu", "pax"]) {
      const { bytes } = await runProcess("tar", { args: ["c", `--format=${format}`, "tree"], cwd: here });
      await guest(`mkdir /${format}`);
      assertCode(await smolvm(["cp", "-", `box:/${format}`], { input: bytes }), 0);
      assert.equal(await guest(`cd /${format}/tree && ${LIST}`), await host(LIST, `${here}/tree`));
    }
    const { code, bytes, stderr } = await cp("box:/pax/tree", "-");
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.mkdir(`${here}/out`);
    assertCode(await runProcess("tar", { args: ["xp"], cwd: `${here}/out`, input: bytes }), 0);
    assert.equal(await host(LIST, `${here}/out/tree`), await host(LIST, `${here}/tree`));

    await guest("mkdir -p /in/below && ln -s /etc /in/below/link");
    const extract = async (...parts: Uint8Array<ArrayBuffer>[]) => {
      const input = await new Blob([...parts, encodeEnd()]).bytes();
      return await smolvm(["cp", "-", "box:/in/below"], { input });
    };
    const refused = (name: string, why: string) => `Cannot copy to "box:/in/below": "${name}": ${why}`;
    const OUT = "It would leave the destination";
    assertFailed(await extract(tarEntry({ name: "../evil" })), refused("../evil", OUT));
    assertFailed(await extract(tarEntry({ name: "/evil" })), refused("/evil", OUT));
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
      "0\nlink\nown\n",
    );
  }));

test("cp refuses what cannot be in one sentence, and changes nothing", () =>
  withMachine("refusals", async (here) => {
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
    assertFailed(await cp(`${here}/file`, "bxo:/"), 'No such machine: "bxo"\nDid you mean "box"?');
    assert.equal(await guest("find / -xdev | sort"), before);
    assert.equal(await host("ls -A", here), "file\nfolder\n");
    await demand(["stop", "-t", "0", "box"]);
    assertFailed(
      await cp(`${here}/file`, "box:/"),
      'Machine "box" is not running: it is stopped\nStart it: smolvm start box',
    );
  }));

test("cp leaves nothing of a file that does not fit on the guest's disk", () =>
  withMachine("full", async (here) => {
    await host("truncate -s 400M big && mkdir -p folder && mv big folder && echo small >folder/small", here);
    assertFailed(await cp(`${here}/folder/big`, "box:/big"), 'Cannot copy to "box:/big": No space left on device');
    assertFailed(
      await cp(`${here}/folder/big`, "box:/tmp"),
      'Cannot copy to "box:/tmp": "big": No space left on device',
    );
    assert.equal(await guest("find / -xdev -name '*big*' -o -xdev -name '.smolvm*'"), "");
    await demandCopy(`${here}/folder/small`, "box:/tmp");
  }, { disk: "128m" }));

test("a copy that is broken off leaves nothing, neither in the guest nor here", () =>
  withMachine("broken", async (here) => {
    const part = new Uint8Array(2 * MIB);
    await guest("mkdir /in; echo old >/in/file");
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      await using client = suite.start(["cp", "-", "box:/in"]);
      await client.write(tarEntry({ name: "file", size: 100 * MIB }));
      // More than the streams on the way can hold.
      await client.write(part);
      client.kill(signal);
      const { code, stderr } = await client.outcome;
      assert.equal(code, signal === "SIGINT" ? 130 : 137);
      assert.equal(stderr, signal === "SIGINT" ? "smolvm: Interrupted by SIGINT\n" : "");
      assert.equal(await guest("ls -A /in; cat /in/file"), "file\nold\n");
    }
    await guest("dd if=/dev/zero of=/big bs=1M count=200 2>/dev/null");
    const breakOff = async (how: (pid: number) => Promise<unknown>) => {
      await using client = suite.start(["cp", "box:/big", `${here}/big`], { timeoutMs: LONG_MS });
      const received = () =>
        [...Deno.readDirSync(here)].some(({ name }) => Deno.lstatSync(`${here}/${name}`).size > MIB);
      while (!received()) await new Promise((resolve) => setTimeout(resolve, 20));
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
  }));

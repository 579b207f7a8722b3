/** Machines of an ordinary user: no root, but access to KVM. */
import assert from "node:assert/strict";
import { buildImage } from "../fixtures/images.ts";
import { runnersOf } from "../helpers/inventory.ts";
import { logOf, machineCommands } from "../helpers/machine_commands.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { vmSuite, type VmTestOptions } from "../helpers/vm_suite.ts";

const USER = "smolvm-test";
const suite = vmSuite();
const { folder, rootfs, storage } = suite;
/** A root filesystem that is the user's own. */
const mine = `${folder}/mine`;

/** Whom a program is run as, and how. */
let asUser: { uid: number; gid: number; cwd: string; env: Record<string, string> };

/** Why no user can be made here. Only the emulated machine is ours to make users in. */
async function whyNoUser(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "all tests run as an ordinary user here";
  const emulated = await Deno.stat("/run/kvm-machine").then(() => true, () => false);
  return emulated ? undefined : "it makes a user, which only the emulated machine is there for";
}

const reason = await whyNoUser();

function test(name: string, body: () => Promise<void>, options?: VmTestOptions): void {
  if (reason === undefined) return suite.test(name, body, options);
  console.log(`skipped: ${name}: ${reason}`);
  Deno.test.ignore(name, body);
}

const smolvm = (...args: string[]) => runProcess(SMOLVM, { args, ...asUser });

async function buildah(...args: string[]): Promise<string> {
  const options = ["--root", `${storage}/root`, "--runroot", `${storage}/runroot`];
  const outcome = await runProcess("buildah", { args: [...options, ...args], ...asUser });
  assertCode(outcome, 0);
  return outcome.stdout.trim();
}

if (reason === undefined) {
  Deno.test.beforeAll(async () => {
    assertCode(await runProcess("useradd", { args: ["--no-create-home", "--home-dir", folder, USER] }), 0);
    const uid = Number((await runProcess("id", { args: ["-u", USER] })).stdout);
    await Deno.mkdir(suite.runtime);
    await Deno.mkdir(`${folder}/data`);
    for (const path of [folder, suite.runtime, `${folder}/data`]) await Deno.chown(path, uid, uid);
    await Deno.chmod("/dev/kvm", 0o666);
    asUser = { uid, gid: uid, cwd: folder, env: { ...suite.env, HOME: folder } };
    assertCode(await runProcess("cp", { args: ["-r", rootfs, mine], ...asUser }), 0);
    // Now, so that what buildah keeps for its user is there before the first test looks.
    await buildImage({ buildah }, { name: "localhost/app:latest", rootfs, user: "app", cmd: ["id", "-un"] });
  });
}

test("an ordinary user's machine writes to volumes as the user, and nowhere else", async () => {
  const script = "id -u; echo new > /etc/new && cat /etc/new; echo rw > /rw/file; echo ro > /ro/file";
  const volumes = ["-v", "data:/rw", "-v", "data:/ro:ro"];
  const outcome = await smolvm("run", ...volumes, mine, "sh", "-c", script);
  assert.equal(outcome.stdout, "0\nnew\n");
  assert.match(outcome.stderr, /Read-only file system/);
  assertCode(outcome, 1);
  assert.equal(await Deno.readTextFile(`${folder}/data/file`), "rw\n");
  assert.equal((await Deno.stat(`${folder}/data/file`)).uid, asUser.uid);
  await assert.rejects(Deno.stat(`${mine}/etc/new`), Deno.errors.NotFound);
});

test("an ordinary user is told whose a folder is that they cannot boot", async () => {
  const outcome = await smolvm("run", rootfs, "true");
  assertCode(outcome, 125);
  assert.match(
    outcome.stderr,
    /^smolvm: Cannot boot ".+" as an ordinary user: it belongs to the user with id 0\nMake a copy/,
  );
});

test("an ordinary user runs an image in buildah's user namespace, where all its users are", async () => {
  const first = await smolvm("run", "app");
  assertCode(first, 0);
  assert.equal(first.stdout, "app\n");
  const second = await smolvm("run", "-u", "root", "--pull", "never", "app", "stat", "-c", "%u:%g", "/bin/busybox");
  assertCode(second, 0);
  assert.equal(second.stdout, "0:0\n");
});

test("an ordinary user's machines persist, of a folder and of an image", async () => {
  const { create, start, stop, remove, listed } = machineCommands({ smolvm: (args) => smolvm(...args) });
  const script = "echo line >> /file; wc -l < /file; exec sleep 1000";
  for (const source of [mine, "app"]) {
    await create("kept", "-u", "root", source, "sh", "-c", script);
    for (const [index, how] of [["-t", "0"], ["--force"]].entries()) {
      await start("kept");
      const { id, pid, state } = await listed("kept");
      assert.equal(state, "running");
      assert.ok(runnersOf(suite).includes(pid!));
      while (!(await logOf(suite.state, id)).includes(`${index + 1}`));
      await stop(...how, "kept");
      assert.equal((await listed("kept")).state, "stopped");
    }
    await remove("kept");
  }
}, { settlesWithinMs: 2_000 });

test("an ordinary user's machine ends with a smolvm that is killed", async () => {
  await using running = suite.start(["run", mine, "sh", "-c", "echo up; sleep 60"], asUser);
  await running.untilStdout(/up/);
  running.kill("SIGKILL");
  await running.outcome;
}, { settlesWithinMs: 2_000 });

/** Machines of an ordinary user with access to KVM. */
import assert from "node:assert/strict";
import { buildImage } from "../fixtures/images.ts";
import { runnersOf } from "../helpers/inventory.ts";
import { machineCommands, untilLogged } from "../helpers/machine_commands.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { freePort } from "../helpers/free_port.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { vmSuite, type VmTestOptions } from "../helpers/vm_suite.ts";

const USER = "smolvm-test";
const suite = vmSuite();
const { folder, rootfs, storage } = suite;
/** A root filesystem that belongs to the user. */
const mine = `${folder}/mine`;

/** Process options to run a program as the ordinary user. */
let asUser: { uid: number; gid: number; cwd: string; env: Record<string, string> };

/** Returns why the tests cannot make a user: they may do so only in the emulated machine. */
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
    // Run buildah now, so that its files for the user exist before the first test takes its inventory.
    await buildImage({ buildah }, { name: "localhost/app:latest", rootfs, user: "app", cmd: ["id", "-un"] });
  });
}

test("an ordinary user's machine writes only to volumes, as the user", async () => {
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

test("run names the owner of a folder that an ordinary user cannot boot", async () => {
  const outcome = await smolvm("run", rootfs, "true");
  assertCode(outcome, 125);
  assert.match(
    outcome.stderr,
    /^smolvm: Cannot boot ".+" as an ordinary user: it belongs to the user with id 0\nMake a copy/,
  );
});

test("run of an ordinary user's image uses buildah's user namespace, which has all users of the image", async () => {
  const first = await smolvm("run", "app");
  assertCode(first, 0);
  assert.equal(first.stdout, "app\n");
  const second = await smolvm("run", "-u", "root", "--pull", "never", "app", "stat", "-c", "%u:%g", "/bin/busybox");
  assertCode(second, 0);
  assert.equal(second.stdout, "0:0\n");
});

test("run of an ordinary user's image takes a warm machine", async () => {
  assertCode(await smolvm("warm", "--image", "app"), 0);
  const listed = async () => JSON.parse((await smolvm("list", "--all", "--json")).stdout);
  const [{ id }] = await listed();
  const script = "id -un; cat /v/file; echo x >/etc/new && echo written";
  await Deno.writeTextFile(`${folder}/data/file`, "of a volume\n");
  const name = (await smolvm("run", "-d", "--rm", "-v", "data:/v", "app", "sleep", "1000")).stdout.trim();
  assertCode(await smolvm("warm", "--count", "0"), 0);
  assert.equal((await listed())[0].id, id);
  const outcome = await smolvm("exec", "-u", "root", name, "sh", "-c", script);
  assert.equal(outcome.stdout, "root\nof a volume\nwritten\n", outcome.stderr);
  assertCode(await smolvm("stop", "-t", "0", name), 0);
}, { settlesWithinMs: 2_000 });

test("an ordinary user with a low limit of open files reads and lists more files than that", async () => {
  const [folders, files] = [12, 400];
  for (let i = 0; i < folders; i++) {
    await Deno.mkdir(`${folder}/many/${i}`, { recursive: true });
    for (let j = 0; j < files; j++) Deno.writeTextFileSync(`${folder}/many/${i}/f${j}`, "x");
  }
  // `ls -l` stats each file, so that the guest's kernel caches its inode.
  const script = "ls -lR /many | grep -c ' f'; cat /many/*/* | wc -c; ls -lR /many | grep -c ' f'";
  const limited = ["-c", 'ulimit -n 4096; exec "$@"', "sh", SMOLVM];
  const args = [...limited, "run", "-v", `${folder}/many:/many:ro`, mine, "sh", "-c", script];
  const outcome = await runProcess("sh", { args, ...asUser });
  assert.equal(outcome.stdout, `${folders * files}\n`.repeat(3));
  assert.match(outcome.stderr, /^.* The limit of open files is 4096: [^\n]*\n$/);
});

test("an ordinary user's machine of a folder or an image has the network that its rules allow", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("from the host\n"),
  );
  // Not below /dev: Deno denies the gateway files there, as it lacks --allow-all.
  using runtime = makeTempFolder();
  await Deno.chown(runtime.path, asUser.uid, asUser.gid);
  const env = { ...asUser.env, XDG_RUNTIME_DIR: runtime.path };
  const { port } = server.addr;
  for (const source of [mine, "app"]) {
    const command = ["wget", "-q", "-O", "-", `http://host.smolvm.internal:${port}/`];
    const args = ["run", "--allow-net", `host:${port}`, source, ...command];
    const outcome = await runProcess(SMOLVM, { ...asUser, args, env });
    assert.equal(outcome.stdout, "from the host\n", outcome.stderr);
    // In the emulated machine, the limit of open files is 4096.
    assert.match(outcome.stderr, /^(.* The limit of open files is \d+: .*\n)?$/);
  }
});

test("an ordinary user's machines of a folder and of an image keep their disks", async () => {
  const { create, start, stop, remove, listed } = machineCommands({ smolvm: (args) => smolvm(...args) });
  const script = "echo line >> /file; wc -l < /file; exec sleep 1000";
  for (const source of [mine, "app"]) {
    await create("kept", "-u", "root", source, "sh", "-c", script);
    for (const [index, how] of [["-t", "0"], ["--force"]].entries()) {
      await start("kept");
      const { id, pid, state } = await listed("kept");
      assert.equal(state, "running");
      assert.ok(runnersOf(suite).includes(pid!));
      await untilLogged(suite.state, id, `${index + 1}`);
      await stop(...how, "kept");
      assert.equal((await listed("kept")).state, "stopped");
    }
    await remove("kept");
  }
}, { settlesWithinMs: 2_000 });

test("an ordinary user's machine has ports, exec, cp and logs, and can fill only its own disk", async () => {
  const { create, start, stop, remove, listed, demand } = machineCommands({ smolvm: (args) => smolvm(...args) });
  const port = freePort();
  const server = "echo begun; while :; do echo answer | nc -l -p 80; done";
  await create("box", "-p", `${port}:80`, "--disk", "128m", "-u", "root", mine, "sh", "-c", server);
  await start("box");
  await until(async () => await read(port) === "answer\n", { everyMs: 200 });
  assert.equal((await demand(["logs", "box"])).stdout, "begun\n");

  await Deno.writeTextFile(`${folder}/data/in`, "copied\n");
  await demand(["cp", "data/in", "box:/in"]);
  const script =
    "id -u; cat /in; dd if=/dev/zero of=/big bs=1M count=200 2>&1 | grep -o 'No space.*'; rm /big; echo x >/out";
  const filled = await smolvm("exec", "box", "sh", "-c", script);
  assert.deepEqual([filled.code, filled.stdout], [0, "0\ncopied\nNo space left on device\n"], filled.stderr);
  await demand(["cp", "box:/out", "data/out"]);
  assert.equal(await Deno.readTextFile(`${folder}/data/out`), "x\n");
  assert.equal((await Deno.stat(`${folder}/data/out`)).uid, asUser.uid);

  Deno.kill((await listed("box")).pid!, "SIGKILL");
  await until(async () => (await listed("box")).state === "stopped");
  await start("box");
  await stop("-t", "0", "box");
  await remove("box");
}, { settlesWithinMs: 2_000 });

/** Returns what a server at a local port writes; nothing if there is no server. */
async function read(port: number): Promise<string> {
  try {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return await new Response(conn.readable).text();
  } catch {
    return "";
  }
}

test("an ordinary user's machine ends when its smolvm is killed", async () => {
  await using running = suite.start(["run", mine, "sh", "-c", "echo up; sleep 60"], asUser);
  await running.untilStdout(/up/);
  running.kill("SIGKILL");
  await running.outcome;
}, { settlesWithinMs: 2_000 });

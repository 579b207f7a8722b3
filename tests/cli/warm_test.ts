// Warm machines. Only the VM is a stub; processes, jails, sockets and files are real.
import assert from "node:assert/strict";
import { buildImage } from "../fixtures/images.ts";
import { exists } from "../../src/host/files.ts";
import { isLocked } from "../../src/host/lock.ts";
import { listOf, runnersOf, supervisorsOf, takeInventory, untilInventory } from "../helpers/inventory.ts";
import { makeStubCli, noStubReason, type StubCli } from "../helpers/stub_vm.ts";
import { allowedEphemeral, assertJailed } from "../helpers/jail_inspection.ts";
import { assertCode, runProcess } from "../helpers/process.ts";
import { pause, until } from "../helpers/until.ts";
import { Random } from "../fuzz/random.ts";
import { makeCli } from "../helpers/cli.ts";

const SECRET = "what no other process may know";
const LEFT_MS = 15_000;
/** The number of processes to kill. */
const KILLS = 50;

/** Registers a test and checks that it leaves no files or processes behind. */
function test(name: string, body: (stub: StubCli) => Promise<void>, options: { isOrdinary?: boolean } = {}): void {
  Deno.test({
    name,
    ignore: noStubReason !== undefined,
    async fn() {
      await using stub = await makeStubCli(options);
      // Starts the process that buildah keeps for an ordinary user, before the inventory.
      if (options.isOrdinary) await stub.buildah("info");
      const before = await takeInventory(stub.cli);
      await body(stub);
      await demand(stub, "warm", "--count", "0");
      await untilInventory(stub.cli, before, LEFT_MS);
    },
  });
}

async function demand({ smolvm }: StubCli, ...args: string[]): Promise<string> {
  const outcome = await smolvm(...args);
  assertCode(outcome, 0);
  return outcome.stdout;
}

/** Returns the IDs of the warm machines. */
function waiting({ cli }: StubCli): string[] {
  return listOf(`${cli.runtime}/smolvm`).filter((id) => exists(`${cli.runtime}/smolvm/${id}/warm.sock`));
}

/** Returns when the VM of a run was started, in ms since 1970. */
async function startOf(run: Promise<string>): Promise<number> {
  return Number((await run).split(" ")[0]);
}

test("smolvm run takes a warm machine, which is then replaced", async (stub) => {
  const { rootfs, cli } = stub;
  assert.equal(await demand(stub, "warm"), "Warm machines: 1\n");
  const [first] = waiting(stub);
  const began = Date.now();
  assert.ok(await startOf(demand(stub, "run", rootfs, "true")) < began);
  await until(() => waiting(stub).length === 1);
  assert.notEqual(waiting(stub)[0], first);
  // A detached run can use a warm machine too, with volumes.
  await Deno.writeTextFile(`${rootfs}/file`, SECRET);
  // The first volume contains the folders from which the machine's file tree is assembled.
  const volumes = ["-v", `${cli.folder}:/a`, "-v", "/etc:/b:ro"];
  await demand(stub, "run", "-d", "--rm", "--name", "web", ...volumes, "-e", "A=b", rootfs, "sleep", "1000");
  const [machine, ...others] = JSON.parse(await demand(stub, "list", "--json"));
  assert.deepEqual(others, []);
  const boot = `${cli.runtime}/smolvm/boot`;
  const allowed = allowedEphemeral(cli, machine.id);
  assert.deepEqual([machine.name, machine.state, machine.command.argv], ["web", "running", ["sleep", "1000"]]);
  assertJailed(machine.pid, {
    ...allowed,
    mounts: { ...allowed.mounts, [`${boot}/s`]: "ro", [`${boot}/s/v0`]: "rw", [`${boot}/s/v1`]: "ro" },
    forbidden: [`${rootfs}/file`],
    secret: SECRET,
  });
  await demand(stub, "delete", "--force", "web");
});

test("smolvm run boots a machine if no warm machine fits", async (stub) => {
  const { rootfs } = stub;
  await demand(stub, "warm");
  const before = waiting(stub);
  const others = [["--memory", "600"], ["--cpus", "2"], ["--disk", "1g"], ["-p", "18080:80"], ["--insecure-no-jail"]];
  for (const options of others) {
    const began = Date.now();
    assert.ok(await startOf(demand(stub, "run", ...options, rootfs, "true")) > began, `${options}`);
  }
  const outcome = await stub.smolvm("--log-level", "info", "run", rootfs, "true");
  assertCode(outcome, 0);
  assert.deepEqual(waiting(stub), before);
});

test("smolvm warm --image keeps machines for that image only, which cannot be removed meanwhile", async (stub) => {
  const { cli, rootfs } = stub;
  const root = `${cli.folder}/root`;
  Deno.mkdirSync(root);
  Deno.writeTextFileSync(`${root}/file`, SECRET);
  await buildImage(stub, { name: "localhost/app:1", rootfs: root });
  await demand(stub, "warm", "--image", "localhost/app:1");
  const [first] = waiting(stub);
  assert.match(await demand(stub, "list", "--all"), new RegExp(`\n${first} +warm .* localhost/app:1\n$`));
  await demand(stub, "prune", "--all", "--force");
  const { code, stderr } = await stub.smolvm("rmi", "--force", "app:1");
  assert.deepEqual([code, stderr.split("\n")[0]], [
    1,
    'smolvm: Cannot remove image "localhost/app:1": warm machines use it',
  ]);
  await buildImage(stub, { name: "localhost/other:1", rootfs });
  const began = Date.now();
  for (const source of [rootfs, "other:1"]) {
    assert.ok(await startOf(demand(stub, "run", source, "true")) > began, source);
  }
  await demand(stub, "warm");
  // A run takes a machine of its image first, then one without a root filesystem.
  await demand(stub, "run", "-d", "--rm", "--name", "web", "-v", `${rootfs}:/e`, "app:1", "sleep", "1000");
  const [{ id, pid }] = JSON.parse(await demand(stub, "inspect", "web"));
  assert.equal(id, first);
  const shares = `/proc/${pid}/root${cli.runtime}/smolvm/boot/s`;
  assert.deepEqual(listOf(shares).sort(), ["rootfs", "v0"]);
  assert.equal(Deno.readTextFileSync(`${shares}/rootfs/file`), SECRET);
  const taking = Date.now();
  assert.ok(await startOf(demand(stub, "run", "app:1", "true")) < taking);
  await demand(stub, "delete", "--force", "web");
  await until(() => waiting(stub).length === 2);
  assert.ok(await startOf(demand(stub, "run", "app:1", "true")) < Date.now());
  await demand(stub, "warm", "--count", "0");
  await demand(stub, "rmi", "app:1", "other:1");
});

test(
  "an ordinary user's warm machine for an image is in buildah's namespace, and runs outside can take it",
  async (stub) => {
    const { rootfs, cli } = stub;
    await buildImage(stub, { name: "localhost/app:1", rootfs });
    await demand(stub, "warm", "--image", "app:1");
    const takes = async (source = "app:1", ...options: string[]) => {
      await until(() => waiting(stub).length === 1);
      const began = Date.now();
      return await startOf(demand(stub, "run", ...options, source, "true")) < began;
    };
    assert.ok(await takes());
    assert.ok(!await takes(rootfs));
    // Wait for the replacement: the run may end before or after it boots.
    await until(() => waiting(stub).length === 1);
    const [first] = waiting(stub);
    await demand(stub, "run", "-d", "--rm", "--name", "web", "-v", `${rootfs}:/v`, "app:1", "sleep", "1000");
    const [{ id, pid }] = JSON.parse(await demand(stub, "inspect", "web"));
    assert.equal(id, first);
    assert.deepEqual(listOf(`/proc/${pid}/root${cli.runtime}/smolvm/boot/s`).sort(), ["rootfs", "v0"]);
    // buildah's namespace maps more than the one ID of a plain user namespace.
    assert.match(Deno.readTextFileSync(`/proc/${pid}/uid_map`), / 65536\n$/);
    await until(() => waiting(stub).length === 1);
    await demand(stub, "delete", "--force", "web");
    // Existing namespaces do not get later mounts, unless the host's mounts are shared.
    await stub.inNamespace("mount", "--bind", "/etc", rootfs);
    assert.ok(!await takes("app:1", "-v", `${rootfs}:/v`));
    assert.ok(await takes());
    await until(() => waiting(stub).length === 1);
    // A process of the same user in another mount namespace, where paths differ.
    const socket = `${cli.runtime}/smolvm/${waiting(stub)[0]}/warm.sock`;
    const connect = `const conn = await Deno.connect({ transport: "unix", path: "${socket}" });
    console.log(await conn.read(new Uint8Array(9)));`;
    const { uid, gid } = Deno.statSync(cli.folder);
    const args = ["--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups", Deno.execPath(), "eval", connect];
    const { stdout, stderr } = await runProcess("setpriv", { args, env: { NO_COLOR: "1" } });
    assert.equal(stdout, "null\n", stderr);
    assert.ok(await takes());
    await demand(stub, "warm", "--count", "0");
    await demand(stub, "rmi", "app:1");
    await stub.inNamespace("umount", rootfs);
  },
  { isOrdinary: true },
);

test("smolvm warm boots and stops machines to match --count, and list --all shows them", async (stub) => {
  await demand(stub, "warm", "--count", "2");
  const two = waiting(stub);
  assert.equal(two.length, 2);
  await demand(stub, "warm", "--count", "2");
  assert.deepEqual(waiting(stub), two);
  await demand(stub, "warm", "--memory", "600");
  assert.equal(waiting(stub).length, 3);
  assert.equal(await demand(stub, "list", "-q", "--all"), "");
  assert.match(await demand(stub, "list"), /^NAME.*\n$/);
  const listed = (await demand(stub, "list", "--all")).trimEnd().split("\n").slice(1).map((line) => line.split(/ +/));
  assert.deepEqual(listed.map(([, ...rest]) => rest.filter((word) => !/^\d{3,}$/.test(word) || word === "600")), [
    ["warm", "1", "MiB", "-"],
    ["warm", "1", "MiB", "-"],
    ["warm", "1", "600", "MiB", "-"],
  ]);
  assert.match(await demand(stub, "list", "-av"), / yes +-\n$/);
  for (const [state, count] of [["warm", 3], ["booting", 0], ["running", 0]] as const) {
    const found = JSON.parse(await demand(stub, "list", "--all", "--json", "--filter", `state=${state}`));
    assert.deepEqual(found.map((machine: { state: string }) => machine.state), Array(count).fill(state));
  }
  await demand(stub, "warm", "--count", "1");
  assert.equal(waiting(stub).length, 2);
  assert.equal(await demand(stub, "warm", "--count", "0"), "No warm machines\n");
  assert.deepEqual(waiting(stub), []);
});

test("only one of several concurrent runs takes a warm machine", async (stub) => {
  await demand(stub, "warm", "--count", "2");
  const began = Date.now();
  const starts = await Promise.all(Array.from({ length: 6 }, () => startOf(demand(stub, "run", stub.rootfs, "true"))));
  const taken = starts.filter((ms) => ms < began);
  assert.ok(taken.length <= 2 && new Set(taken).size === taken.length, `${starts} ${began}`);
});

test("with warm in the configuration, a run starts warm machines, which stop after warm_idle", async (stub) => {
  const { rootfs } = stub;
  await demand(stub, "config", "set", "warm", "2");
  await demand(stub, "run", rootfs, "true");
  await until(() => waiting(stub).length === 2);
  const began = Date.now();
  for (let run = 0; run < 2; run++) assert.ok(await startOf(demand(stub, "run", rootfs, "true")) < began);
  await until(() => waiting(stub).length === 2);
  await demand(stub, "warm", "--count", "0");
  await demand(stub, "config", "set", "warm_idle", "1");
  await demand(stub, "warm", "--count", "2");
  await until(() => waiting(stub).length === 0);
});

test("prune during the cleanup of a killed machine does not prevent its replacement", async (stub) => {
  const { cli, rootfs } = stub;
  await demand(stub, "warm");
  const [id] = waiting(stub);
  await demand(stub, "run", "-d", "--rm", rootfs, "sleep", "1000");
  const [[runner], [supervisor]] = [runnersOf(cli), supervisorsOf(cli)];
  Deno.kill(supervisor!, "SIGSTOP");
  try {
    Deno.kill(runner!, "SIGKILL");
    await until(() => !isLocked(`${cli.state}/smolvm/ephemeral/${id}/lock`));
    await demand(stub, "prune", "--force");
  } finally {
    Deno.kill(supervisor!, "SIGCONT");
  }
  await until(() => waiting(stub).length === 1, { timeoutMs: LEFT_MS });
});

test("smolvm warm --count 0 also stops machines that are booting, and the command that boots them fails", async (stub) => {
  const before = await takeInventory(stub.cli);
  for (let ms = 0; ms < 600; ms += 60) {
    await using boot = stub.start("warm", "--count", "2");
    await pause(ms);
    await demand(stub, "warm", "--count", "0");
    const { code, stderr } = await boot.outcome;
    if (code !== 0) assert.match(stderr, /^smolvm: The VM ended unexpectedly/, `after ${ms} ms`);
    // Stop machines that were not registered yet during the first call.
    await demand(stub, "warm", "--count", "0");
    await untilInventory(stub.cli, before, LEFT_MS);
  }
});

test("killing a run, a machine or its supervisor at any moment leaves nothing behind", async (stub) => {
  const { cli, rootfs } = stub;
  const before = await takeInventory(cli);
  const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? Date.now() % 100_000);
  const random = new Random(seed);
  for (let kill = 0; kill < KILLS; kill++) {
    await demand(stub, "warm", "--count", "1");
    await using run = stub.start("run", rootfs, "true");
    await pause(random.upTo(250));
    const others = kill % 3 === 1 ? runnersOf(cli) : supervisorsOf(cli);
    // The run's own process is a smolvm-jail process until it executes the client.
    const victims = kill % 3 === 0 ? [run.pid] : others.filter((pid) => pid !== run.pid);
    for (const pid of victims) killIfThere(pid);
    const { code, stderr } = await run.outcome;
    // A run reports that its machine was killed, unless it had already ended or could boot again.
    if (kill % 3 !== 0 && code !== 0) assert.match(stderr, /^smolvm: /m, `seed ${seed}, kill ${kill}`);
    if (kill % 10 !== 9) continue;
    await demand(stub, "warm", "--count", "0");
    // The next run removes the files of killed supervisors.
    await demand(stub, "run", rootfs, "true");
    await untilInventory(cli, before, LEFT_MS);
  }
});

Deno.test("smolvm warm refuses invalid options", async () => {
  using cli = makeCli();
  const refused: [args: string[], message: RegExp][] = [
    [["--count", "x"], /argument 'x' is invalid\. Expected a number\.$/m],
    [["--count", "65"], /^smolvm: Cannot keep 65 machines warm: expected 0 to 64$/m],
    [["--count", "0", "--cpus", "2"], /^smolvm: Cannot use --cpus with --count 0: it stops all warm machines$/m],
    [["--image", "x", "-n", "0"], /^smolvm: Cannot use --image with --count 0: it stops all warm machines$/m],
    [["--image", "X"], /^smolvm: .*"X"/m],
    [["--memory", "1"], /^smolvm: Cannot give the machine 1 MiB of memory: expected 128 MiB to 16 TiB$/m],
    [["alpine"], /too many arguments/i],
  ];
  for (const [args, message] of refused) {
    const { code, stderr } = await cli.run(["warm", ...args]);
    assert.equal(code, 125, stderr);
    assert.match(stderr, message);
  }
  const { code, stderr } = await cli.run(["warm"], { config: "insecure_no_jail = true" });
  assert.deepEqual(
    [code, stderr],
    [125, "smolvm: Cannot keep machines warm with insecure_no_jail: warm machines always have a jail\n"],
  );
  assertCode(await cli.run(["warm", "--count", "0"]), 0);
  assert.deepEqual(listOf(cli.state), []);
});

function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

// Runners that the launcher starts along with the client. Only the VM is a stub; processes, jails, sockets and files
// are real.
import assert from "node:assert/strict";
import { Random } from "../fuzz/random.ts";
import { makeDownload } from "../helpers/download.ts";
import { runnersOf, supervisorsOf, takeInventory, untilInventory } from "../helpers/inventory.ts";
import { allowedEphemeral, assertJailed } from "../helpers/jail_inspection.ts";
import { assertCode, type Outcome, Process } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { makeStubCli, noStubReason, type StubCli } from "../helpers/stub_vm.ts";
import { pause, until } from "../helpers/until.ts";

const LEFT_MS = 15_000;
/** The number of clients to kill. */
const KILLS = 50;
const SECRET = "what no other process may know";

let made: Promise<string> | undefined;

/** Returns the path of `smolvm` in a download that all tests share. */
function download(): Promise<string> {
  if (made === undefined) {
    const folder = makeTempFolder();
    addEventListener("unload", () => folder[Symbol.dispose]());
    made = makeDownload(folder.path);
  }
  return made;
}

/** A download whose VMs are stubs. */
interface Ahead extends StubCli {
  /** Its `smolvm`. */
  launcher: string;
  /** Runs its `smolvm`. */
  run(...args: string[]): Promise<Outcome>;
  /** Starts its `smolvm`. */
  begin(...args: string[]): Process;
}

/** Registers a test and checks that it leaves no files or processes behind. */
function test(name: string, body: (ahead: Ahead) => Promise<void>): void {
  if (noStubReason !== undefined) console.log(`ignored: ${name}: ${noStubReason}`);
  Deno.test({
    name,
    ignore: noStubReason !== undefined,
    async fn() {
      await using stub = await makeStubCli();
      const launcher = await download();
      const before = await takeInventory(stub.cli);
      // Fill the code cache: without it, the launcher starts no runner, and later runs would still write to it.
      assertCode(await stub.program(launcher, "run", stub.rootfs, "true"), 0);
      await untilInventory(stub.cli, before, LEFT_MS);
      await body({
        ...stub,
        launcher,
        run: (...args) => stub.program(launcher, ...args),
        begin: (...args) => stub.startProgram(launcher, ...args),
      });
      await untilInventory(stub.cli, before, LEFT_MS);
    },
  });
}

/** Reads from the debug log whether a run used the launcher's runner, and whether it started a runner itself. */
function ways({ code, stderr }: Outcome): { code: number; took: boolean; spawned: boolean } {
  return { code, took: / took the runner /.test(stderr), spawned: / spawning /.test(stderr) };
}

const TAKEN = { code: 0, took: true, spawned: false };

/** Runs `smolvm` with the log level debug. */
function loudly({ program, launcher }: Ahead, ...args: string[]): Promise<Outcome> {
  return program("env", "SMOLVM_LOG=debug", launcher, ...args);
}

test("run and start use the launcher's runner with any network or jail options", async (ahead) => {
  const { run, rootfs } = ahead;
  for (const flags of [[], ["--net"], ["-p", "18080:80"], ["--net", "-p18053:53/udp"], ["--insecure-no-jail"]]) {
    assert.deepEqual(ways(await loudly(ahead, "run", ...flags, rootfs, "true")), TAKEN, `${flags}`);
  }
  assertCode(await run("create", "--name", "web", rootfs, "sleep", "1000"), 0);
  assert.deepEqual(ways(await loudly(ahead, "start", "web")), TAKEN);
  assertCode(await run("delete", "--force", "web"), 0);
});

test("an unneeded runner has exited when the client returns", async (ahead) => {
  const { run, rootfs, cli } = ahead;
  const before = await takeInventory(cli);
  const lines: [args: string[], code: number][] = [
    [["run", "--help"], 0],
    [["run", "--no-such-option", rootfs], 125],
    [["run", `${rootfs}/none`, "true"], 125],
    [["run", "-v", "/none:/x", rootfs, "true"], 125],
    [["start", "--help"], 0],
    [["start", "none"], 1],
    [["start"], 125],
  ];
  for (const [args, code] of lines) {
    assertCode(await run(...args), code);
    assert.deepEqual((await takeInventory(cli)).processes, before.processes, `${args}`);
  }
  // The launcher guessed the options wrongly, so the client starts another runner.
  for (const args of [["echo", "-p", "80:80"], ["echo", "--insecure-no-jail"]]) {
    const outcome = await loudly(ahead, "run", rootfs, ...args);
    assert.deepEqual(ways(outcome), { code: 0, took: false, spawned: true }, outcome.stderr);
    assert.deepEqual((await takeInventory(cli)).processes, before.processes, `${args}`);
  }
});

test("a runner that the launcher started has the same jail as any other", async ({ run, program, rootfs, cli, launcher }) => {
  Deno.writeTextFileSync(`${rootfs}/file`, "of the root");
  assertCode(
    await program("env", `SECRET=${SECRET}`, launcher, "run", "-d", "--rm", "--name", "web", rootfs, "sleep", "1000"),
    0,
  );
  const [machine] = JSON.parse((await run("inspect", "web")).stdout);
  assertJailed(machine.pid, {
    ...allowedEphemeral(cli, machine.id),
    forbidden: [`${rootfs}/file`],
    secret: SECRET,
  });
  assertCode(await run("delete", "--force", "web"), 0);
});

test("killing a client at any moment ends its runner", async (ahead) => {
  const { begin, rootfs, cli, run } = ahead;
  const before = await takeInventory(cli);
  const seed = Number(Deno.env.get("SMOLVM_TEST_SEED") ?? Date.now() % 100_000);
  const random = new Random(seed);
  for (let kill = 0; kill < KILLS; kill++) {
    await using client = begin("run", rootfs, "sleep", "1000");
    await pause(random.upTo(120));
    client.kill(kill % 5 === 0 ? "SIGINT" : "SIGKILL");
    await client.outcome;
    const actual = async () => (await takeInventory(cli)).processes.length;
    await until(async () => await actual() === before.processes.length).catch((error) => {
      throw new Error(`seed ${seed}, kill ${kill}`, { cause: error });
    });
  }
  // The next run removes the files that killed clients left.
  assertCode(await run("run", rootfs, "true"), 0);
});

test("a detached machine keeps running after its client exits", async ({ run, rootfs, cli }) => {
  const { stdout } = await run("run", "--detach", rootfs, "sleep", "1000");
  await pause(200);
  assert.deepEqual([runnersOf(cli).length, supervisorsOf(cli).length], [1, 1]);
  assertCode(await run("delete", "--force", stdout.trim()), 0);
});

test("concurrent runs have separate runners, and a minimal environment works", async (ahead) => {
  const { launcher, program, rootfs, cli } = ahead;
  const outcomes = await Promise.all([1, 2].map(() => loudly(ahead, "run", rootfs, "true")));
  for (const outcome of outcomes) assert.deepEqual(ways(outcome), TAKEN, outcome.stderr);
  const folders = Object.entries(cli.env).filter(([name]) => /^HOME$|^XDG_|^SMOLVM_/.test(name));
  const variables = [...folders, ["SMOLVM_LIBKRUN", `${cli.folder}/stub.so`], [
    "SMOLVM_LIBKRUNFW",
    `${cli.folder}/stub.so`,
  ]];
  const env = ["-i", ...variables.map(([name, value]) => `${name}=${value}`)];
  const outcome = await program("env", ...env, "SMOLVM_LOG=debug", launcher, "run", rootfs, "true");
  assert.deepEqual(ways(outcome), TAKEN, outcome.stderr);
});

test("an unusable runtime folder is reported by the client", async ({ program, rootfs, launcher }) => {
  const outcome = await program("env", "XDG_RUNTIME_DIR=/proc/none", launcher, "run", rootfs, "true");
  assertCode(outcome, 125);
  assert.match(outcome.stderr, /^smolvm: Cannot create the machine's folder "\/proc\/none\/smolvm\/.*\n$/);
});

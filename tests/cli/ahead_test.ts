// Runners that the launcher starts beside their client. What boots is a stub; processes, jails, sockets and files are real.
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
/** How often a client is killed. */
const KILLS = 50;
const SECRET = "what no other process may know";

let made: Promise<string> | undefined;

/** The `smolvm` of a download that all tests share. */
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

/** Registers a test, after which nothing may be left. */
function test(name: string, body: (ahead: Ahead) => Promise<void>): void {
  if (noStubReason !== undefined) console.log(`ignored: ${name}: ${noStubReason}`);
  Deno.test({
    name,
    ignore: noStubReason !== undefined,
    async fn() {
      await using stub = await makeStubCli();
      const launcher = await download();
      const before = await takeInventory(stub.cli);
      // Makes the cache, without which there is no head start, and after which another runner has its code kept there.
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

/** What a run that logs all that it does has taken, and whether it started a runner itself. */
function ways({ code, stderr }: Outcome): { code: number; took: boolean; spawned: boolean } {
  return { code, took: / took the runner /.test(stderr), spawned: / spawning /.test(stderr) };
}

const TAKEN = { code: 0, took: true, spawned: false };

/** Runs it so that it logs all that it does. */
function loudly({ program, launcher }: Ahead, ...args: string[]): Promise<Outcome> {
  return program("env", "SMOLVM_LOG=debug", launcher, ...args);
}

test("the launcher's runner is that of a run or a start, however it is confined", async (ahead) => {
  const { run, rootfs } = ahead;
  for (const flags of [[], ["--net"], ["-p", "18080:80"], ["--net", "-p18053:53/udp"], ["--insecure-no-jail"]]) {
    assert.deepEqual(ways(await loudly(ahead, "run", ...flags, rootfs, "true")), TAKEN, `${flags}`);
  }
  assertCode(await run("create", "--name", "web", rootfs, "sleep", "1000"), 0);
  assert.deepEqual(ways(await loudly(ahead, "start", "web")), TAKEN);
  assertCode(await run("delete", "--force", "web"), 0);
});

test("a runner that is not wanted leaves nothing when the client returns", async (ahead) => {
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
  // Wrongly guessed: another one is started.
  for (const args of [["echo", "-p", "80:80"], ["echo", "--insecure-no-jail"]]) {
    const outcome = await loudly(ahead, "run", rootfs, ...args);
    assert.deepEqual(ways(outcome), { code: 0, took: false, spawned: true }, outcome.stderr);
    assert.deepEqual((await takeInventory(cli)).processes, before.processes, `${args}`);
  }
});

test("the jail of a runner that was started ahead is that of any other", async ({ run, program, rootfs, cli, launcher }) => {
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

test("a client that is killed at any moment takes its runner along", async (ahead) => {
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
  // What a killed client left of its machine, the next run removes.
  assertCode(await run("run", rootfs, "true"), 0);
});

test("a detached machine lives on without its client", async ({ run, rootfs, cli }) => {
  const { stdout } = await run("run", "--detach", rootfs, "sleep", "1000");
  await pause(200);
  assert.deepEqual([runnersOf(cli).length, supervisorsOf(cli).length], [1, 1]);
  assertCode(await run("delete", "--force", stdout.trim()), 0);
});

test("runs at once have each its own runner; so does one with next to no environment", async (ahead) => {
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

test("where no machine can have a runtime folder, the error is that of the client", async ({ program, rootfs, launcher }) => {
  const outcome = await program("env", "XDG_RUNTIME_DIR=/proc/none", launcher, "run", rootfs, "true");
  assertCode(outcome, 125);
  assert.match(outcome.stderr, /^smolvm: Cannot create the machine's folder "\/proc\/none\/smolvm\/.*\n$/);
});

/**
 * A seeded fuzzer of all code that reads the folder that a VM writes to (`vm/` in the machine's folder). It makes files
 * that a guest could make after taking over its VM's process, and runs the real command line on them.
 *
 *     deno run -A tests/fuzz/vm_folder.ts [--seed N] [--iterations N]    starts from this seed, or a random one
 *     deno run -A tests/fuzz/vm_folder.ts --repro SEED                   repeats the iteration that failed
 *
 * @module
 */

import assert from "node:assert/strict";
import { dirname } from "../../src/host/path.ts";
import { identifyProcess } from "../../src/host/process_identity.ts";
import { vmFolder } from "../../src/state/machine_folders.ts";
import { writeProcess } from "../../src/state/machine_process.ts";
import { tidyVmFolder } from "../../src/state/vm_folder.ts";
import { type Cli, makeCli } from "../helpers/cli.ts";
import { assertCode } from "../helpers/process.ts";
import { Fuzzer } from "./fuzzer.ts";
import { Random } from "./random.ts";

/** How long a command may take, in s; the slowest removes 100,000 files. */
const DEADLINE_S = 60;
/** How long `logs -f` follows, in s. */
const FOLLOW_S = 5;
const NAMES = ["status.json", "command.log", "command.log.1", "command.log.2", "console.log", "runner.log", "disk.img"];
const SECRET = "the secret of the user";
/** The number of files in a large folder. */
const MANY = 100_000;

/** Makes a hostile file at a free path; `outside` is a folder of the user. */
type Plant = (path: string, random: Random, outside: string) => void;

const PLANTS: Plant[] = [
  (path) => run("mkfifo", path),
  (path, _, outside) => Deno.symlinkSync(`${outside}/secret`, path),
  (path, _, outside) => Deno.symlinkSync(outside, path),
  (path) => Deno.symlinkSync("/nowhere", path),
  (path) => Deno.symlinkSync(path, path),
  (path) => Deno.symlinkSync("/dev/zero", path),
  (path, _, outside) => Deno.linkSync(`${outside}/secret`, path),
  (path) => Deno.uid() === 0 ? run("mknod", path, "c", "1", "5") : run("mkfifo", path),
  (path) => {
    Deno.mkdirSync(`${path}/below/below`, { recursive: true });
    Deno.chmodSync(`${path}/below`, 0);
  },
  (path) => {
    Deno.writeTextFileSync(path, "");
    Deno.truncateSync(path, 2 ** 40);
  },
  (path) => Deno.listen({ transport: "unix", path }).close(),
  (path) => Deno.writeTextFileSync(path, "[".repeat(1_000_000)),
  (path) => Deno.writeTextFileSync(path, "\x1b]0;title\x07\x1b[2J".repeat(10_000)),
  (path, random) => Deno.writeFileSync(path, random.bytes(random.upTo(5000))),
  (path, random) => Deno.writeTextFileSync(path, JSON.stringify(forgedStatus(random))),
  (path) => Deno.writeTextFileSync(path, "", { mode: 0o000 }),
];

/** A status that a guest could forge. */
function forgedStatus(random: Random): unknown {
  const pick = <T>(...values: T[]): T => values[random.upTo(values.length - 1)]!;
  return {
    schema: pick<unknown>(1, 2, 3, 1e300, "2"),
    state: pick<unknown>("running", "stopped", "failed", "created", "stopping", "starting", "\x1b[2J", null),
    process: pick<unknown>(null, undefined, { pid: 1, startTime: "x" }, identifyProcess(Deno.pid)),
    started: pick<unknown>(null, "2026-11-23T12:00:00.000Z", "\x1b[2J", 9),
    exit: pick<unknown>(null, { code: 3 }, { signal: 9 }, { code: -1 }),
    error: pick<unknown>(null, { code: "guest", message: `\x1b[2J${"x".repeat(100_000)}`, hint: "\x1b]0;x\x07" }),
  };
}

/** The first iteration also makes {@linkcode MANY} files. */
const fuzzer = new Fuzzer("tests/fuzz/vm_folder.ts", (seed, isFirst) => checkMachine(new Random(seed), isFirst));

/** Fuzzes the folder; see {@linkcode Fuzzer.run}. */
export const fuzzVmFolder = fuzzer.run.bind(fuzzer);

async function checkMachine(random: Random, large: boolean): Promise<void> {
  using cli = makeCli();
  const outside = `${cli.folder}/outside`;
  Deno.mkdirSync(`${cli.folder}/root`);
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, SECRET, { mode: 0o640 });
  const before = snapshot(outside);
  assertCode(await cli.run(["create", "--name", "web", "root"]), 0);
  const [{ folder }] = JSON.parse((await cli.run(["inspect", "web"])).stdout);
  const plantAll = () => plant(folder, random, outside);
  const steps: string[][][] = [
    [["list"], ["list", "-v"], ["list", "--json"], ["inspect", "web"], ["logs", "web"]],
    [["logs", "-n", "3", "web"], ["logs", "--kernel", "-n", "3", "web"], ["exec", "web", "true"], ["start", "web"]],
    [["logs", "-f", "web"], ["stats", "--no-stream"], ["stats", "--no-stream", "--format", "json", "web"]],
    [["system", "df"], ["system", "df", "--format", "json"], ["prune", "--dry-run"], ["cp", "web:/etc", "-"], [
      "top",
      "web",
    ]],
    [["stop", "-t", "0", "web"]],
  ];
  {
    await using runner = random.upTo(1) === 0 ? await holdLock(folder) : undefined;
    for (const commands of steps) {
      if (runner && commands.some(([name]) => name === "stop")) continue;
      plantAll();
      await Promise.all(commands.map((args) => check(cli, args)));
    }
    if (runner) {
      plantAll();
      await check(cli, ["stop", "--force", "-t", "0", "web"]);
      assert.equal(identifyProcess(runner.pid), undefined, "the runner was killed, whatever status the VM wrote");
    }
  }
  plantAll();
  if (large) { for (let file = 0; file < MANY; file++) Deno.writeTextFileSync(`${vmFolder(folder)}/${file}`, ""); }
  if (random.upTo(1) === 0) Deno.chmodSync(vmFolder(folder), 0);
  await check(cli, ["list", "-v"]);
  // The next runner does this before it starts its VM.
  tidyVmFolder(folder);
  for (const { name, isFile } of Deno.readDirSync(vmFolder(folder))) {
    assert.ok(name === "disk.img" || isFile && NAMES.includes(name), name);
  }
  plantAll();
  assertCode(await check(cli, ["delete", "--force", "web"]), 0);
  assert.equal((await cli.run(["list", "-q"])).stdout, "");
  assert.deepEqual([...Deno.readDirSync(dirname(folder))].map(({ name }) => name), [".lock"]);
  assert.deepEqual(snapshot(outside), before, "the user's folder is unchanged");
}

/** Replaces some of the files and adds others. */
function plant(folder: string, random: Random, outside: string): void {
  const vm = vmFolder(folder);
  Deno.chmodSync(vm, 0o700);
  for (const name of [...NAMES, "other", "status.json.x.tmp"]) {
    if (random.upTo(2) === 0) continue;
    run("rm", "-rf", `${vm}/${name}`);
    if (random.upTo(5) > 0) PLANTS[random.upTo(PLANTS.length - 1)]!(`${vm}/${name}`, random, outside);
  }
}

/** Starts a process that holds the lock of a machine, like its runner. */
async function holdLock(folder: string): Promise<AsyncDisposable & { pid: number }> {
  const script = 'exec 9<>"$1" && flock 9 && echo held && exec sleep 600';
  const args = ["-c", script, "sh", `${folder}/lock`];
  const child = new Deno.Command("sh", { args, stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  writeProcess(folder, identifyProcess(child.pid)!);
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // smolvm has killed it as the runner.
      }
      await child.status;
    },
  };
}

/** Runs a command; checks that it ends, and that it prints one sentence if it fails. */
async function check(cli: Cli, args: string[]) {
  const words = args.map((word) => `'${word}'`).join(" ");
  // `logs -f` does not end while the machine appears to run.
  const follows = args.includes("-f");
  const deadline = `-k 1 ${follows ? FOLLOW_S : DEADLINE_S}`;
  const outcome = await cli.shell(`exec timeout ${deadline} "$0" ${words}`).outcome;
  const { code, stdout, stderr } = outcome;
  const what = `smolvm ${args.join(" ")}: ${code}\n${stderr.slice(0, 2000)}`;
  assert.ok((code !== 124 || follows) && code !== 137, `it hangs: ${what}`);
  // `logs` prints a log unchanged, with its control characters.
  const isLog = args[0] === "logs" && (code === 0 || follows);
  if (!isLog) assert.doesNotMatch(stderr, /[^\P{Cc}\n\t]/u, what);
  if (!isLog) assert.doesNotMatch(stderr, /(^|\n) +at |Uncaught|panicked|Error:/, what);
  assert.ok(!`${stdout}${stderr}`.includes(SECRET), `it shows the user's file: ${what}`);
  if (code !== 0 && code !== 124) assert.match(stderr, /^smolvm: [A-Z"]/, what);
  if (args[0] !== "logs") assert.doesNotMatch(stdout, /[^\P{Cc}\n\t]/u, what);
  return outcome;
}

/** The properties and texts of a folder's files, without link counts, which links from the VM's folder change. */
function snapshot(folder: string): unknown {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const { mode, uid, mtime, size } = Deno.lstatSync(`${folder}/${name}`);
    return { name, mode, uid, mtime, size, text: Deno.readTextFileSync(`${folder}/${name}`) };
  });
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) await fuzzer.main({ iterations: 100 });

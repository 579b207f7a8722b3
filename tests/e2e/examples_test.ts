/** The examples, each with the permissions that its header names, on images that the tests build. */
import assert from "node:assert/strict";
import { buildImage, type ImageRecipe } from "../fixtures/images.ts";
import { buildRedisRootfs } from "../fixtures/redis.ts";
import { startExample } from "../helpers/example_scripts.ts";
import { runnersOf } from "../helpers/inventory.ts";
import { assertCode, type Outcome, type Process, runProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite({ parent: "/run" });
const { test, rootfs, storage, env } = suite;

/** Starts an example in a folder, by default the suite's. */
const start = (name: string, args: string[], cwd = suite.folder): Process => startExample(name, { args, cwd, env });

/** Runs an example until it exits. */
async function run(name: string, args: string[], input = ""): Promise<Outcome> {
  await using example = start(name, args);
  await example.write(input);
  return await example.finish();
}

/** Builds an image in the storage that the examples use. */
async function build(description: ImageRecipe): Promise<void> {
  const buildah = async (...args: string[]) => {
    const stores = ["--root", `${storage}/root`, "--runroot", `${storage}/runroot`];
    const outcome = await runProcess("buildah", { args: [...stores, ...args] });
    assertCode(outcome, 0);
    return outcome.stdout.trim();
  };
  await buildImage({ buildah }, description);
}

/** Builds an image of the shared root filesystem with a file `/version`. */
async function buildVersion(version: string): Promise<string> {
  const folder = `${suite.folder}/version-${version}`;
  assertCode(await runProcess("cp", { args: ["-a", rootfs, folder] }), 0);
  await Deno.writeTextFile(`${folder}/version`, version);
  await build({ name: `localhost/app:${version}`, rootfs: folder });
  return `localhost/app:${version}`;
}

test("untrusted_code.ts runs code as nobody without a network, and passes on its output and exit code", async () => {
  using service = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // A guest with a network would reach the service.
  const code = `id -u; nc 127.0.0.1 ${service.addr.port} </dev/null || echo unreachable >&2; exit 3`;
  const outcome = await run("untrusted_code", ["-", "30", rootfs], code);
  assertCode(outcome, 3);
  assert.equal(outcome.stdout, "65534\n");
  assert.match(outcome.stderr, /^(nc: .*\n)?unreachable\nended with exit code 3\n$/);
});

test("untrusted_code.ts kills code that runs too long or writes too much", async () => {
  const file = `${suite.folder}/endless`;
  await Deno.writeTextFile(file, "echo begun; sleep 1000");
  const late = await run("untrusted_code", [file, "3", rootfs, "sh"]);
  assertCode(late, 124);
  assert.deepEqual([late.stdout, late.stderr], ["begun\n", "killed: it ran longer than 3 s\n"]);
  const loud = await run("untrusted_code", ["-", "30", rootfs], "yes");
  assertCode(loud, 125);
  assert.equal(loud.stderr, "killed: it wrote more than 1048576 bytes\n");
  assert.ok(loud.bytes.length <= 1048576, `${loud.bytes.length}`);
});

test("database.ts talks to a server in a VM, and leaves nothing behind", async () => {
  const folder = await suite.makeFolder("redis");
  await buildRedisRootfs(folder);
  await build({ name: "localhost/redis:7", rootfs: folder, cmd: ["redis-server", "--save", ""] });
  const outcome = await run("database", ["localhost/redis:7"]);
  assertCode(outcome, 0);
  const [answers, ...lines] = outcome.stdout.trimEnd().split("\n");
  const [, port] = /^localhost\/redis:7 answers at 127\.0\.0\.1:(\d+)$/.exec(answers!)!;
  assert.deepEqual(lines, ["SET visits 41 -> OK", "INCR visits -> 42", "GET visits -> 42", "DBSIZE -> 1"]);
  Deno.listen({ hostname: "127.0.0.1", port: Number(port) }).close();
});

test("test_matrix.ts runs a command on all images at once, and prints which failed", async () => {
  const images = await Promise.all(["1", "2"].map(buildVersion));
  const folder = await suite.makeFolder("tested");
  const command = "until [ -e go ]; do sleep 1; done; cat /version; touch made; [ $(cat /version) != 2 ]";
  await using matrix = start("test_matrix", [command, ...images], folder);
  // Do not poll `list`: its process would take CPU time from the booting machines.
  await until(() => runnersOf(suite).length === images.length, { everyMs: 200, timeoutMs: 120_000 });
  await Deno.writeTextFile(`${folder}/go`, "");
  const outcome = await matrix.finish();
  assertCode(outcome, 1);
  const table = ["1  +[\\d.]+ s  passed", "2  +[\\d.]+ s  exit code 1"];
  const output = "--- localhost/app:2\n2touch: made: Read-only file system\n";
  assert.match(outcome.stdout, new RegExp(`^${table.map((row) => `localhost/app:${row}\n`).join("")}\n${output}$`));
});

test("build_log.ts prints whole lines as they arrive, and exits with the build's exit code", async () => {
  const folder = await suite.makeFolder("built");
  const script =
    "printf 'compi'; echo careful >&2; echo ling; until [ -e go ]; do sleep 0.1; done; echo made > made; exit 2";
  await using build = start("build_log", [".", script, rootfs], folder);
  await build.untilStdout(/ compiling\n/);
  await Deno.writeTextFile(`${folder}/go`, "");
  const outcome = await build.finish();
  assertCode(outcome, 2);
  const lines = outcome.stdout.trimEnd().split("\n");
  for (const line of lines) assert.match(line, /^ +\d+\.\d\d std(out|err) /);
  assert.deepEqual(lines.map((line) => line.trim().slice(line.trim().indexOf(" ") + 1)).sort(), [
    "stderr careful",
    "stdout compiling",
  ]);
  assert.equal(await Deno.readTextFile(`${folder}/made`), "made\n");
});

test("warm_pool.ts serves each request in another machine, faster than one that boots for the request", async () => {
  const outcome = await run("warm_pool", ["2", rootfs, "hostname"]);
  assertCode(outcome, 0);
  const requests = outcome.stdout.trimEnd().split("\n").map((line) => {
    const [, kind, ms, host] = /^(cold|warm) +(\d+) ms, exit code 0: (\S+)$/.exec(line)!;
    return { kind, ms: Number(ms), host };
  });
  assert.deepEqual(requests.map(({ kind }) => kind), ["cold", "warm", "warm"]);
  assert.equal(new Set(requests.map(({ host }) => host)).size, 3);
  const [cold, ...warm] = requests.map(({ ms }) => ms);
  assert.ok(warm.every((ms) => ms < cold!), outcome.stdout);
});

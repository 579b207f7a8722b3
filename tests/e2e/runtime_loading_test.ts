/** Scripts that load the runtime module by path, by URL and in a bundle, with the least permissions. */
import assert from "node:assert/strict";
import { bundle, CHECKOUT, serveModule } from "../helpers/module_server.ts";
import { machinePermissions } from "../helpers/permissions.ts";
import { assertCode, Process } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite({ parent: "/run" });
const { test, rootfs } = suite;

/** In the emulated machine, Deno is slow to load modules for the first time. */
const TIMEOUT_MS = 180_000;
/** How long a VM may outlive its killed script. */
const LIMIT_MS = 10_000;

const PATH = `${CHECKOUT}src/mod.ts`;

/** Returns a script that boots a machine while another one runs. */
const scriptWith = (module: string) => `
import { Machine } from "${module}";

await using machine = await Machine.create({ source: Deno.args[0], ephemeral: true });
await machine.start();
const { code } = await Machine.run(Deno.args[0], "exit 3");
for await (const { stream, data } of machine.exec(["hostname"])) await Deno[stream].write(data);
console.log(machine.name, code);
`;

/** Writes a script to the suite's folder and returns its path. */
async function write(name: string, script: string): Promise<string> {
  await Deno.writeTextFile(`${suite.folder}/${name}.ts`, script);
  return `${suite.folder}/${name}.ts`;
}

/** Starts a script with only the permissions that the module needs. */
function start(script: string, { flags = [] as string[], env = {} } = {}): Process {
  const lib = `${CHECKOUT}lib`;
  const permissions = machinePermissions({
    state: `${suite.state}/smolvm`,
    runtime: `${suite.runtime}/smolvm`,
    configFile: `${suite.folder}/config/smolvm/smolvm.toml`,
    lib,
    sources: [rootfs],
  });
  return new Process(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", ...permissions, ...flags, script, rootfs],
    cwd: suite.folder,
    env: { ...suite.env, SMOLVM_LIB: lib, ...env },
    timeoutMs: TIMEOUT_MS,
  });
}

/** Runs a script of {@linkcode scriptWith} and checks its output. */
async function assertWorks(script: string, options?: Parameters<typeof start>[1]): Promise<void> {
  await using process = start(script, options);
  const outcome = await process.finish();
  assertCode(outcome, 0);
  assert.match(outcome.stdout, /^(\S+)\n\1 3\n$/);
  assert.equal(outcome.stderr, "");
}

test("a script can run machines with the module imported by path", async () => {
  await assertWorks(await write("path", scriptWith(PATH)));
});

test("a script can run machines with the module imported by URL", async () => {
  await using server = await serveModule(suite.folder);
  await assertWorks(await write("url", scriptWith(server.module)), server);
});

test("a script can run machines with the module in its bundle", async () => {
  await bundle(await write("bundled", scriptWith(PATH)), `${suite.folder}/bundle.js`);
  await assertWorks(`${suite.folder}/bundle.js`);
});

test("machines end when their script is killed", async () => {
  await using script = start(
    await write(
      "killed",
      `import { Machine } from "${PATH}";
      const machine = await Machine.create({ source: Deno.args[0], ephemeral: true });
      await machine.start();
      for await (const _ of Machine.run(Deno.args[0], "echo up; sleep 1000")) console.log("up");`,
    ),
  );
  await script.untilStdout(/up/);
  script.kill("SIGKILL");
  await script.outcome;
}, { settlesWithinMs: LIMIT_MS });

/** Machines of `run -d`. */
import assert from "node:assert/strict";
import { runnersOf } from "../helpers/inventory.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode } from "../helpers/process.ts";
import { pause, until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;
const { start, stop, remove, list, listed, demand } = machineCommands(suite);

const said = async (name: string) => (await demand(["logs", name])).stdout;

test("run -d prints the name of a machine that remains, with its log, after it has stopped", async () => {
  const { stdout, stderr } = await demand(["run", "-dt", "--name", "job", rootfs, "sh", "-c", "tty; exec sleep 1000"]);
  assert.deepEqual({ stdout, stderr }, { stdout: "job\n", stderr: "" });
  const { state, pid } = await listed("job");
  assert.deepEqual([state, runnersOf(suite)], ["running", [pid]]);
  await until(async () => await said("job") === "/dev/pts/0\r\n");
  await stop("-t", "0", "job");
  assert.equal(await said("job"), "/dev/pts/0\r\n");
  await start("job");
  await remove("job");
});

test("run -d --rm removes the machine when its command exits or its VM is killed", async () => {
  const script = "echo up; until [ -e /go ]; do sleep 0.1; done; exit 3";
  const run = (name: string) => demand(["run", "-d", "--rm", "--name", name, rootfs, "sh", "-c", script]);
  await run("brief");
  await until(async () => await said("brief") === "up\n");
  await using waiting = suite.start(["wait", "brief"]);
  await pause(50);
  await demand(["exec", "brief", "touch", "/go"]);
  assert.equal((await waiting.outcome).stdout, "3\n");
  await until(async () => (await list()).length === 0);

  await run("brief");
  await stop("--force", "brief");
  assert.deepEqual([await list(), runnersOf(suite)], [[], []]);
});

test("run -d removes the machine if its command cannot start", async () => {
  for (const more of [[], ["--rm"]]) {
    const outcome = await smolvm(["run", "-d", ...more, "--name", "none", rootfs, "/missing"]);
    assertCode(outcome, 127);
    assert.deepEqual([outcome.stdout, await list()], ["", []]);
    assert.match(outcome.stderr, /^smolvm: Cannot find "\/missing" in the guest: [^\n]*\n$/);
  }
});

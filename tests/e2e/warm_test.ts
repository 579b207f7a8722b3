/** Warm machines: what a command finds in the guest, and what root in the guest can reach on the host. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { answersOf, attackProgram, buildAttacks, makeOpenLib } from "../helpers/attacks.ts";
import { listOf } from "../helpers/inventory.ts";
import { assertCode, type Outcome } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs, runtime } = suite;

/** Returns the IDs of the warm machines. */
function waiting(): string[] {
  return listOf(`${runtime}/smolvm`).filter((id) => exists(`${runtime}/smolvm/${id}/warm.sock`));
}

async function demand(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const outcome = await smolvm(args, { env });
  assertCode(outcome, 0);
  assert.equal(outcome.stderr, "");
  return outcome;
}

test("run gives a warm machine its root filesystem, volumes, variables and the time", async () => {
  const [volume, fixed] = [await suite.makeFolder("volume"), await suite.makeFolder("fixed")];
  await Deno.writeTextFile(`${fixed}/file`, "of the host\n");
  const options = ["-v", `${volume}:/v`, "-v", `${fixed}:/f:ro`, "-e", "A=b c", "-w", "/w", "--hostname", "box"];
  const script = `cat /f/file; echo "$A" >/v/new; pwd; hostname; id -u; echo x >/etc/new && echo written
    echo x 2>/dev/null >/f/new || echo refused; date +%s`;
  await demand(["warm"]);
  const [first] = waiting();
  const began = Math.floor(Date.now() / 1000);
  const { stdout } = await demand(["run", ...options, rootfs, "sh", "-c", script]);
  assert.ok(!waiting().includes(first!));
  const lines = stdout.trimEnd().split("\n");
  const time = Number(lines.pop());
  assert.deepEqual(lines, ["of the host", "/w", "box", "0", "written", "refused"]);
  assert.ok(time >= began && time <= Date.now() / 1000, `${time} is not after ${began}`);
  assert.equal(Deno.readTextFileSync(`${volume}/new`), "b c\n");
  assert.ok(!exists(`${rootfs}/etc/new`) && !exists(`${fixed}/new`));
  // A new warm machine replaces the taken one; once it is taken too, exec and the other commands find it.
  await until(() => waiting().length === 1);
  const [id] = waiting();
  await demand(["run", "-d", "--rm", "--name", "web", rootfs, "sleep", "1000"]);
  const [found] = JSON.parse((await demand(["inspect", "web"])).stdout);
  assert.equal(found.id, id);
  await demand(["warm", "--count", "0"]);
  assert.equal((await demand(["exec", "web", "echo", "hi"])).stdout, "hi\n");
  assert.equal((await smolvm(["stop", "web"])).code, 0);
});

test("root in a machine that was warm cannot reach the host through the devices", async () => {
  await buildAttacks();
  const [lib, attacks, home] = [
    `${suite.folder}/lib`,
    await suite.makeFolder("attacks"),
    await suite.makeFolder("home"),
  ];
  await makeOpenLib(lib);
  await Deno.copyFile(attackProgram("vfs_escape"), `${attacks}/vfs_escape`);
  await Deno.writeTextFile(`${home}/secret`, "secret");
  const tries = ["read", "climb", "link"].map((how) => `${how}=${home}/secret`);
  const more = ["list=/", "read=/etc/hostname", `create=${home}/planted`, "create=/planted", "overwrite=/s/x"];
  const script = `exec /a/vfs_escape ${[...tries, ...more].join(" ")}`;
  const env = { SMOLVM_LIB: lib };
  await demand(["warm"], env);
  const [id] = waiting();
  await using run = suite.start(["run", "-v", `${attacks}:/a:ro`, rootfs, "sh", "-c", script], { env });
  await run.untilStdout(/end of tries: ok\n/);
  assert.ok(!waiting().includes(id!));
  // A guest without its devices may never end.
  run.kill("SIGKILL");
  const answers = answersOf("escape", (await run.outcome).stdout);
  await demand(["warm", "--count", "0"], env);
  assert.equal(answers.get("take device"), "ok");
  assert.match(answers.get("list /")!, /^ok( +(\.|\.\.|dev|proc))+$/);
  for (const [attempt, answer] of answers) {
    if (/^(take|list|end)/.test(attempt)) continue;
    assert.match(answer, /^(ENOENT|EROFS|EACCES|ENOTDIR)$/, attempt);
  }
  assert.deepEqual([...Deno.readDirSync(home)].map(({ name }) => name), ["secret"]);
  // The supervisor ends the machine of the killed run.
}, { settlesWithinMs: 10_000 });

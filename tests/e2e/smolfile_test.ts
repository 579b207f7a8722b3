/** `run -f`, `update` and `rename`. */
import assert from "node:assert/strict";
import { acquireLock } from "../../src/host/lock.ts";
import { readRecord, writeRecord } from "../../src/state/machine_record.ts";
import { machineLock } from "../../src/state/machine_folders.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode } from "../helpers/process.ts";
import { pause } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;
const { create, start, stop, remove, list, listed, demand } = machineCommands(suite);

test("run -f boots the machine that the file declares, with paths relative to the file", async () => {
  const project = await suite.makeFolder("project");
  await Deno.mkdir(`${project}/src`);
  await Deno.writeTextFile(`${project}/src/greeting`, "from the host");
  const smolfile = `
    image = "../rootfs"
    command = """
      echo "$(cat /src/greeting), $A $B, $(pwd), $(id -un), $(nproc)"
      df -m / | awk 'END { print ($2 > 250 && $2 <= 300) }'
    """
    cpus = 2
    memory = "256m"
    env = ["A=file", "B=file"]
    volumes = ["src:/src:ro"]
    workdir = "/work"
    user = "app"
    disk = "300m"
  `;
  await Deno.writeTextFile(`${project}/Smolfile`, smolfile);
  const file = ["run", "-f", "project/Smolfile"];
  const { code, stdout, stderr } = await smolvm([...file, "-e", "B=option"], { cwd: suite.folder });
  assert.deepEqual({ code, stdout, stderr }, {
    code: 0,
    stdout: "from the host, file option, /work, app, 2\n1\n",
    stderr: "",
  });
  const other = await smolvm([...file, "-w", "/", "--", "sh", "-c", "pwd; exit 3"], { cwd: suite.folder });
  assertCode(other, 3);
  assert.equal(other.stdout, "/\n");
});

test("update changes the options of a machine's next start, and keeps its disk", async () => {
  const volume = await suite.makeFolder("volume");
  const script = 'echo "$(nproc) $A $B $(pwd) $(ls /v 2>/dev/null)"; date >> /starts; wc -l < /starts';
  await create("web", "-m", "256", "-e", "A=1", "-e", "B=1", rootfs, "sh", "-c", script);
  assert.equal((await demand(["start", "-a", "web"])).stdout, "1 1 1 / \n1\n");
  await Deno.writeTextFile(`${volume}/file`, "");
  const changes = ["--cpus", "2", "-e", "A=2", "--env-rm", "B", "-v", `${volume}:/v`, "-w", "/w"];
  assert.equal((await demand(["update", ...changes, "web"])).stdout, "web\n");
  assert.equal((await demand(["start", "-a", "web"])).stdout, "2 2  /w file\n2\n");
  await demand(["update", "--volume-rm", "/v", "web"]);
  assert.equal((await demand(["start", "-a", "web"])).stdout, "2 2  /w \n3\n");
  await remove("web");
});

test("start boots the record that an update wrote while start waited for the lock", async () => {
  await create("web", rootfs, "nproc");
  const folder = `${suite.state}/smolvm/machines/${(await listed("web")).id}`;
  const lock = await acquireLock(machineLock(folder), { exclusive: true, wait: true });
  await using starting = suite.start(["start", "-a", "web"]);
  // Give the client time to read the record, and the runner to wait for the lock.
  await pause(3000);
  await writeRecord(folder, { ...readRecord(folder), cpus: 2 });
  lock[Symbol.dispose]();
  const outcome = await starting.outcome;
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "2\n");
  await remove("web");
});

test("rename renames a running machine, and update refuses it", async () => {
  await create("web", rootfs, "sleep", "1000");
  await start("web");
  const { pid } = await listed("web");
  await demand(["rename", "web", "www"]);
  assert.deepEqual((await list()).map(({ name, pid }) => [name, pid]), [["www", pid]]);
  assert.equal((await demand(["exec", "www", "echo", "here"])).stdout, "here\n");
  const refused = await smolvm(["update", "--cpus", "2", "www"]);
  assertCode(refused, 1);
  assert.equal(refused.stderr, 'smolvm: Cannot update machine "www": it is running\nStop it first.\n');
  assertCode(await smolvm(["stop", "web"]), 1);
  await create("web", rootfs);
  assert.equal((await demand(["stop", "-t", "0", "www"])).stdout, "www\n");
  await start("www");
  assert.equal((await demand(["exec", "www", "hostname"])).stdout, "web\n", "the host name stays");
  await remove("web", "www");
});

test("rename and update refuse a machine of run", async () => {
  await using running = suite.start(["run", "--name", "passing", rootfs, "sh", "-c", "echo up; sleep 1000"]);
  await running.untilStdout(/up/);
  for (const args of [["rename", "passing", "other"], ["update", "-c", "2", "passing"]]) {
    const { code, stderr } = await smolvm(args);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^smolvm: Cannot (rename|update) machine "passing": it is (removed when its run ends|running)/,
    );
  }
  await stop("-t", "0", "passing");
  assertCode(await running.outcome, 137);
});

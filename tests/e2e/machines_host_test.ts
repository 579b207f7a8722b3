/** Machines on a host that reboots, has a full disk, or runs twelve commands at once. */
import assert from "node:assert/strict";
import { buildImage, makeImageStore } from "../fixtures/images.ts";
import { runnersOf, untilNoVm } from "../helpers/inventory.ts";
import { logOf, machineCommands, untilLogged } from "../helpers/machine_commands.ts";
import { runProcess } from "../helpers/process.ts";
import { SMOLVM } from "../helpers/cli.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, state, runtime } = suite;
const { stop, remove, list } = machineCommands(suite);

test("after a reboot of the host, all machines are stopped and can be started again", async () => {
  await using builder = await makeImageStore();
  await buildImage(builder, { name: "localhost/app:1", rootfs });
  const storage = `${builder.folder}/storage`;
  const env = { ...suite.env, SMOLVM_STORAGE: storage };
  const here = machineCommands({ smolvm: (args, options) => suite.smolvm(args, { ...options, env }), env });
  const command = ["sh", "-c", "cat /file; echo kept > /file; sync; echo written; sleep 1000"];
  await here.create("image", "localhost/app:1", ...command);
  await here.create("folder", rootfs, ...command);
  for (const name of ["image", "folder"]) {
    await here.start(name);
    const { id } = await here.listed(name);
    await untilLogged(state, id, "written");
  }

  for (const pid of runnersOf(suite)) Deno.kill(pid, "SIGKILL");
  await untilNoVm(suite, 2000);
  const mounts = await runProcess("sh", { args: ["-c", `grep -o ' ${storage}/[^ ]*' /proc/self/mountinfo | sort -r`] });
  for (const path of mounts.stdout.split("\n").filter((line) => line !== "")) {
    await runProcess("umount", { args: [path.trim()] });
  }
  await Deno.remove(`${storage}/runroot`, { recursive: true });
  await Deno.remove(`${runtime}/smolvm`, { recursive: true });

  for (const { state: found, pid, reason } of await here.list()) {
    assert.deepEqual({ found, pid, reason }, { found: "stopped", pid: null, reason: "lost" });
  }
  for (const name of ["image", "folder"]) {
    await here.start(name);
    const { id } = await here.listed(name);
    await until(async () => (await logOf(state, id)).filter((line) => line === "written").length >= 2);
    assert.ok((await logOf(state, id)).includes("kept"), `${name} lost its file`);
    await here.stop("-t", "0", name);
    await here.remove(name);
  }
});

test("twelve concurrent processes lose no machine, start none twice and read no partial records", async () => {
  const patient = { timeoutMs: 240_000 };
  const all = (commands: string[][]) => Promise.all(commands.map((args) => suite.smolvm(args, patient)));
  const names = Array.from({ length: 6 }, (_, index) => `m${index}`);
  const create = (name: string) => ["create", "--memory", "128", "--name", name, rootfs, "sleep", "1000"];

  const created = await all([...names, ...names].map(create));
  for (const [index, name] of names.entries()) {
    const both = [created[index]!, created[index + names.length]!].sort((a, b) => a.code - b.code);
    assert.deepEqual(both.map(({ code }) => code), [0, 125], name);
    assert.match(both[1]!.stderr, new RegExp(`"${name}": machine [0-9a-f]{12} has that name`));
  }
  assert.deepEqual((await list()).map(({ name }) => name).sort(), names);

  const [started, deleted] = [names.slice(0, 2), names.slice(4)];
  const outcomes = await all([
    ...[...started, ...started].map((name) => ["start", name]),
    ...[...deleted, ...deleted].map((name) => ["delete", "--force", name]),
    ...Array.from({ length: 4 }, () => ["list", "--json"]),
  ]);
  const starts = outcomes.slice(0, 2 * started.length);
  for (const [index, name] of started.entries()) {
    const both = [starts[index]!, starts[index + started.length]!].sort((a, b) => a.code - b.code);
    assert.deepEqual(both.map(({ code }) => code), [0, 1], `${name}: ${both[0]!.stderr}`);
    assert.equal(both[1]!.stderr, `smolvm: Machine "${name}" is running already\n`);
  }
  for (const [index, name] of deleted.entries()) {
    const both = [outcomes[starts.length + index]!, outcomes[starts.length + deleted.length + index]!];
    // With --force, a machine that is gone is reported, but is no failure.
    for (const { code, stderr } of both) {
      assert.equal(code, 0, `${name}: ${stderr}`);
      assert.match(stderr, /^(smolvm: (No such machine|The machine is gone).*\n(Did you mean .*\n)?)?$/);
    }
  }
  for (const { code, stdout, stderr } of outcomes.slice(-4)) {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const machines = JSON.parse(stdout) as { name: string; state: string }[];
    assert.ok(names.slice(0, 4).every((name) => machines.some((machine) => machine.name === name)));
    assert.ok(machines.every(({ state }) => state !== "unreadable"), stdout);
  }
  const left = await list();
  assert.deepEqual(left.map(({ name }) => name).sort(), names.slice(0, 4));
  assert.deepEqual(left.filter(({ state }) => state === "running").map(({ name }) => name).sort(), started);
  assert.equal(runnersOf(suite).length, started.length);
  await stop("-t", "0", ...started);
  await remove(...names.slice(0, 4));
});

test("start on a full disk fails with a clear error and does not change the machine", async () => {
  const script = `
    mount -t tmpfs -o size=3m tmpfs "$XDG_STATE_HOME"
    smolvm() { '${SMOLVM}' "$@"; }
    smolvm create --name full --memory 128 "$0" sh -c 'echo started'
    dd if=/dev/zero of="$XDG_STATE_HOME/filler" bs=4k 2>/dev/null
    smolvm start full && exit 3
    smolvm list --filter state=created -q
    rm "$XDG_STATE_HOME/filler"
    smolvm start -a full
    smolvm delete -f full
  `;
  await Deno.mkdir(state, { recursive: true });
  const outcome = await runProcess("unshare", { args: ["--mount", "sh", "-c", script, rootfs], env: suite.env });
  assert.equal(outcome.stdout, "full\nfull\nstarted\nfull\n", outcome.stderr);
  assert.match(outcome.stderr, /^smolvm: Cannot .*: No space left on device\n$/);
});

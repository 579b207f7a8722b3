// State files and running machines of released versions, without a VM.

import assert from "node:assert/strict";
import { namesIn } from "../../src/state/machine_folders.ts";
import { makeCli } from "../helpers/cli.ts";
import { assertCode, type Outcome } from "../helpers/process.ts";
import { copyState020, smolvm020Command } from "../helpers/released_state.ts";
import { makeStubCli, noStubReason } from "../helpers/stub_vm.ts";

Deno.test("smolvm lists, inspects, logs, renames, updates and deletes machines of 0.2.0 in place", async () => {
  using cli = makeCli();
  const state = `${cli.state}/smolvm`;
  const { web, idle } = await copyState020(state, cli.folder);
  const print = async (...args: string[]) => {
    const outcome = await cli.run(args);
    assertCode(outcome, 0);
    return outcome;
  };
  const seen = JSON.parse((await print("list", "--json")).stdout);
  assert.deepEqual(
    seen.map(({ name, state, exitCode, pid }: Record<string, unknown>) => ({ name, state, exitCode, pid })),
    [
      { name: "web", state: "stopped", exitCode: 0, pid: null },
      { name: "idle", state: "created", exitCode: null, pid: null },
    ],
  );
  const [{ disk, logs, insecureNoJail }] = JSON.parse((await print("inspect", "web")).stdout);
  assert.deepEqual([disk, logs.command], [`${web}/disk.img`, `${web}/command.log`]);
  assert.equal(insecureNoJail, false);
  const { stdout, stderr } = await print("logs", "web");
  assert.deepEqual([stdout, stderr], ["up\n", "oops\n"]);
  await print("stop", "web");
  await print("rename", "idle", "other");
  await print("update", "-c", "2", "other");
  assert.equal(JSON.parse(await Deno.readTextFile(`${idle}/machine.json`)).cpus, 2);
  assert.deepEqual(namesIn(idle).sort(), ["disk.img", "lock", "machine.json", "status.json"]);
  await print("delete", "-f", "web", "other");
  assert.deepEqual(namesIn(`${state}/machines`), []);
});

Deno.test({
  name: "smolvm lists, inspects, enters, stops, starts and deletes machines that smolvm 0.2.0 started",
  ignore: noStubReason !== undefined,
  async fn() {
    await using stub = await makeStubCli();
    const [program, ...args] = smolvm020Command();
    const demand = async (outcome: Promise<Outcome>) => {
      assertCode(await outcome, 0);
      return (await outcome).stdout;
    };
    const old = (...words: string[]) => demand(stub.program(program, ...args, ...words));
    const now = (...words: string[]) => demand(stub.smolvm(...words));
    const seen = async () =>
      (JSON.parse(await now("list", "--json")) as Record<string, unknown>[])
        .map(({ name, state, pid, exitCode }) => ({ name, state, runs: pid !== null, exitCode }))
        .sort((a, b) => `${a.name}`.localeCompare(`${b.name}`));
    assert.equal(await old("--version"), "0.2.0\n");
    await old("create", "--name", "web", stub.rootfs, "sleep", "1000");
    await old("create", "--name", "done", stub.rootfs, "true");
    assert.match(await old("start", "web"), /web/);
    const said = await old("start", "--foreground", "done");

    const done = { name: "done", state: "stopped", runs: false, exitCode: 0 };
    assert.deepEqual(await seen(), [done, { name: "web", state: "running", runs: true, exitCode: null }]);
    assert.equal(await now("logs", "done"), said);
    assert.match(await now("exec", "web", "true"), /^[\d.]+ [\d.]+\n$/);
    await now("kill", "--signal", "TERM", "web");
    await now("stop", "--timeout", "0", "web");
    assert.deepEqual((await seen())[1], { name: "web", state: "stopped", runs: false, exitCode: 137 });
    await now("start", "web");
    assert.match(await now("exec", "web", "true"), /^[\d.]+ [\d.]+\n$/);
    await now("delete", "--force", "web", "done");
    assert.deepEqual(await seen(), []);
  },
});

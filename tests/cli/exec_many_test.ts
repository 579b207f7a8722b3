// Many commands in one machine. What boots is a stub; its runner, and the module that asks it, are real.
import assert from "node:assert/strict";
import { Machine } from "../../src/mod.ts";
import { setEnv } from "../helpers/env.ts";
import { listOf } from "../helpers/inventory.ts";
import { assertCode } from "../helpers/process.ts";
import { makeStubCli, noStubReason } from "../helpers/stub_vm.ts";

const ROUNDS = Number(Deno.env.get("SMOLVM_TEST_ROUNDS") ?? 300);
/** How much more memory a process may have at the end: a few KiB for each command of the long form would be more. */
const GROWTH_MIB = 8;

if (noStubReason !== undefined) console.log(`ignored: ${import.meta.filename}: ${noStubReason}`);

Deno.test({
  name: "exec after exec takes no more memory and no more descriptors, of the machine's process or of who asks",
  ignore: noStubReason !== undefined,
  async fn() {
    await using stub = await makeStubCli();
    const { cli, rootfs, smolvm } = stub;
    await using machines = new AsyncDisposableStack();
    machines.defer(async () => assertCode(await smolvm("delete", "--force", "box"), 0));
    assertCode(await smolvm("create", "--name", "box", rootfs, "sleep", "100000"), 0);
    assertCode(await smolvm("start", "box"), 0);
    using _ = setEnv({ XDG_STATE_HOME: cli.state, XDG_RUNTIME_DIR: cli.runtime, XDG_CONFIG_HOME: cli.folder });
    const machine = await Machine.get("box");
    const pids = [Deno.pid, (await machine.info()).pid!];
    const exec = async () => assert.equal((await machine.exec(["true"])).code, 0);
    // The heaps of both get their size.
    for (let round = 0; round < 300; round++) await exec();
    const before = pids.map(look);
    for (let round = 0; round < ROUNDS; round++) await exec();
    for (const [index, { mib, descriptors }] of pids.map(look).entries()) {
      assert.ok(mib - before[index]!.mib < GROWTH_MIB, `${mib} MiB of ${pids[index]}, before ${before[index]!.mib}`);
      // One is its own look, another the connection that may just end.
      assert.ok(Math.abs(descriptors - before[index]!.descriptors) <= 2, `${descriptors} descriptors`);
    }
  },
});

function look(pid: number): { mib: number; descriptors: number } {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return {
    mib: Number(/^Private_Dirty: +(\d+) kB$/m.exec(text)![1]) / 1024,
    descriptors: listOf(`/proc/${pid}/fd`).length,
  };
}

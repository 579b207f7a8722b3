// Many commands in one machine. Only the VM is a stub; its runner and the runtime module are real.
import assert from "node:assert/strict";
import { Machine } from "../../src/mod.ts";
import { setEnv } from "../helpers/env.ts";
import { listOf } from "../helpers/inventory.ts";
import { assertCode } from "../helpers/process.ts";
import { makeStubCli, noStubReason } from "../helpers/stub_vm.ts";

const ROUNDS = Number(Deno.env.get("SMOLVM_TEST_ROUNDS") ?? 300);
/** The allowed memory growth after {@linkcode ROUNDS} commands: a leak of a few KiB each exceeds it in long runs. */
const GROWTH_MIB = 8;
/** A leak grows the memory in every try; a heap that grows once does not. */
const TRIES = 4;

Deno.test({
  name: "repeated exec leaks no memory or descriptors in the machine's process or in the client",
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
    // Warm up, so that both heaps have grown to their usual size.
    for (let round = 0; round < 300; round++) await exec();
    const growth: number[][] = [];
    while (growth.length < TRIES && !growth.at(-1)?.every((mib) => mib < GROWTH_MIB)) {
      const before = pids.map(look);
      for (let round = 0; round < ROUNDS; round++) await exec();
      const after = pids.map(look);
      growth.push(after.map(({ mib }, index) => mib - before[index]!.mib));
      for (const [index, { descriptors }] of after.entries()) {
        // One descriptor is for listing the folder, another for a connection that may be closing.
        assert.ok(Math.abs(descriptors - before[index]!.descriptors) <= 2, `${descriptors} descriptors`);
      }
    }
    assert.ok(growth.at(-1)!.every((mib) => mib < GROWTH_MIB), `MiB more each time: ${JSON.stringify(growth)}`);
  },
});

function look(pid: number): { mib: number; descriptors: number } {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return {
    mib: Number(/^Private_Dirty: +(\d+) kB$/m.exec(text)![1]) / 1024,
    descriptors: listOf(`/proc/${pid}/fd`).length,
  };
}

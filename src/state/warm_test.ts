import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import type { Lock } from "../host/lock.ts";
import { createMachineFolder, ephemeralFolders } from "./machine_folders.ts";
import { writeEphemeralRecord } from "./machine_record.ts";
import {
  changePlaces,
  listPlaces,
  listWarmMachines,
  registerWarm,
  waitingMachines,
  warmFile,
  type WarmRecord,
  warmSocket,
} from "./warm.ts";

const RECORD: WarmRecord = {
  cpus: 1,
  memoryMib: 512,
  host: "{}",
  image: null,
  most: 2,
  idleS: 600,
  mounts: "0",
  created: "2026-11-26T03:00:00.000Z",
};
const LATER = "2026-11-26T04:00:00.000Z";
const IDS = ["000000000001", "000000000002", "000000000003", "000000000004"];

/** Makes the folder of a machine that boots; it is gone from the lists when its lock is disposed of. */
function boot(id: string): Lock {
  return createMachineFolder(ephemeralFolders(id).folder);
}

function wait(id: string): void {
  const { runtimeFolder } = ephemeralFolders(id);
  Deno.mkdirSync(runtimeFolder, { recursive: true });
  Deno.writeTextFileSync(warmSocket({ runtimeFolder }), "");
}

const idsOf = (machines: { id: string }[]) => machines.map(({ id }) => id);

Deno.test("registerWarm() refuses more machines of a kind than there are to be", () =>
  withMachines(async () => {
    using _ = stackOf(IDS.map(boot));
    const [first, second, third, other] = IDS.map((id) => ephemeralFolders(id).folder);
    await registerWarm(first!, RECORD);
    await registerWarm(second!, { ...RECORD, created: "2026-11-26T02:00:00.000Z" });
    const enough = { code: "machine-state", message: "There are enough warm machines already" };
    await assert.rejects(registerWarm(third!, RECORD), enough);
    for (const change of [{ cpus: 2 }, { memoryMib: 1024 }, { host: "{ }" }]) {
      await registerWarm(other!, { ...RECORD, created: LATER, ...change });
    }
    assert.deepEqual(idsOf(listWarmMachines()), [IDS[1], IDS[0], IDS[3]]);
    assert.deepEqual(listWarmMachines()[0]!.memoryMib, 512);
  }));

Deno.test("a warm machine waits as long as it has its socket, and has its place until that is given to another one", () =>
  withMachines(async () => {
    const [id] = IDS as [string, ...string[]];
    const { folder } = ephemeralFolders(id);
    {
      using _ = boot(id);
      await registerWarm(folder, RECORD);
      assert.deepEqual(waitingMachines(), []);
      assert.deepEqual(listWarmMachines().map(({ isReady }) => isReady), [false]);
      wait(id);
      assert.deepEqual(idsOf(waitingMachines()), [id]);
      assert.deepEqual(listWarmMachines().map(({ isReady }) => isReady), [true]);
      writeEphemeralRecord(folder, makeRecord({ id }));
      assert.deepEqual([listWarmMachines(), idsOf(listPlaces())], [[], [id]]);
      Deno.removeSync(warmFile(folder));
      assert.deepEqual(listPlaces(), []);
    }
    Deno.writeTextFileSync(warmFile(folder), JSON.stringify({ schema: 2 }));
    assert.deepEqual([waitingMachines(), listPlaces()], [[], []]);
  }));

Deno.test("changePlaces() takes places away, and keeps those from their places that follow an earlier machine", () =>
  withMachines(async () => {
    assert.deepEqual(await changePlaces(() => false), { kept: [], lost: [] });
    using _ = stackOf(IDS.map(boot));
    const folders = IDS.map((id) => ephemeralFolders(id).folder);
    await registerWarm(folders[0]!, RECORD);
    await registerWarm(folders[1]!, { ...RECORD, cpus: 2 });
    const { kept, lost } = await changePlaces(({ cpus }) => cpus === 1);
    assert.deepEqual([idsOf(kept), idsOf(lost), idsOf(listPlaces())], [[IDS[0]], [IDS[1]], [IDS[0]]]);
    {
      using _ = setEnv({ SMOLVM_SUCCEEDS_AT: `${Date.now() - 1000}` });
      await assert.rejects(registerWarm(folders[2]!, RECORD), { code: "machine-state" });
    }
    using __ = setEnv({ SMOLVM_SUCCEEDS_AT: `${Date.now() + 1000}` });
    await registerWarm(folders[2]!, { ...RECORD, created: LATER });
    assert.deepEqual(idsOf(listPlaces()), [IDS[0], IDS[2]]);
  }));

function stackOf(locks: Lock[]): DisposableStack {
  const stack = new DisposableStack();
  for (const lock of locks) stack.use(lock);
  return stack;
}

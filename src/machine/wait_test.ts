import assert from "node:assert/strict";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeMachineFolder, makeRecord, writeRunning } from "../../tests/helpers/machines.ts";
import { pause } from "../../tests/helpers/until.ts";
import { acquireLock } from "../host/lock.ts";
import { MSG, STAGE } from "../protocol/constants.ts";
import { CLIENT_STREAM, CONTROL } from "../protocol/control.ts";
import { encodeExited, encodeFailure } from "../protocol/messages.ts";
import { CREATED, type MachineStatus, writeStatus } from "../state/status.ts";
import { machineLock } from "../state/machine_folders.ts";
import type { ReadableMachine } from "./find.ts";
import { waitForEnd } from "./wait.ts";

/** A running machine whose runner is played by the test. */
interface Runner extends Disposable {
  machine: ReadableMachine;
  /** The connection of the waiting client. */
  client(): Promise<FramePeer>;
  /** Ends the run. */
  unlock(): void;
}

const run = (pid: number): MachineStatus => ({ ...CREATED, state: "running", process: { pid, startTime: "1" } });

async function makeRunner(): Promise<Runner> {
  using made = new DisposableStack();
  const { path } = made.use(makeMachineFolder());
  const listener = made.use(Deno.listen({ transport: "unix", path: `${path}/control.sock` }));
  const lock = await acquireLock(machineLock(path), { exclusive: true, wait: true });
  const status = run(1);
  await writeRunning(path, status.process!);
  const stack = made.move();
  return {
    machine: { id: "a", folder: path, runtimeFolder: path, ephemeral: false, record: makeRecord(), status },
    async client() {
      const peer = stack.use(new FramePeer(await listener.accept()));
      assert.equal((await peer.next())?.type, CONTROL.WAIT);
      return peer;
    },
    unlock: () => lock[Symbol.dispose](),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

Deno.test("waitForEnd() returns the command's exit code when the machine has ended", async () => {
  const failure = encodeFailure({ errno: 2, stage: STAGE.EXEC, text: "none" });
  const ends = [
    [MSG.EXITED, encodeExited({ code: 3 }), 3],
    [MSG.EXITED, encodeExited({ signal: 15 }), 143],
    [MSG.FAILED, failure, 127],
  ] as const;
  for (const [type, payload, expected] of ends) {
    using runner = await makeRunner();
    let code: number | undefined;
    const waiting = waitForEnd(runner.machine).then((end) => code = end);
    await (await runner.client()).send(type, CLIENT_STREAM, payload);
    await pause();
    assert.equal(code, undefined, "its disk is still being synced");
    runner.unlock();
    assert.equal(await waiting, expected);
  }
});

Deno.test("waitForEnd() returns 137 for a VM that ended without a report", async () => {
  using runner = await makeRunner();
  const waiting = waitForEnd(runner.machine);
  const client = await runner.client();
  runner.unlock();
  client[Symbol.dispose]();
  assert.equal(await waiting, 137);
});

Deno.test("waitForEnd() does not wait for the next run, even if it starts immediately", async () => {
  using runner = await makeRunner();
  const waiting = waitForEnd(runner.machine);
  const client = await runner.client();
  await writeRunning(runner.machine.folder, run(2).process!);
  await client.send(MSG.EXITED, CLIENT_STREAM, encodeExited({ code: 4 }));
  let ended = false;
  const end = setTimeout(() => {
    ended = true;
    runner.unlock();
  }, 2000);
  assert.equal(await waiting, 4);
  assert.equal(ended, false);
  clearTimeout(end);
  runner.unlock();
});

Deno.test("waitForEnd() returns the exit code of the last run for a machine that does not run", async () => {
  using runner = await makeRunner();
  runner.unlock();
  const status: MachineStatus = { ...CREATED, state: "stopped", exit: { code: 7 } };
  await writeStatus(runner.machine.folder, status);
  assert.equal(await waitForEnd({ ...runner.machine, status }), 7);
});

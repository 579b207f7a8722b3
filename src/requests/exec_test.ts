import assert from "node:assert/strict";
import { makeRecord, withMachines } from "../../tests/helpers/machines.ts";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { NO_STREAMS } from "../protocol/attachment.ts";
import { HOST_PAYLOAD_MAX } from "../protocol/constants.ts";
import { CONTROL } from "../protocol/control.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { persistentFolders } from "../state/machine_folders.ts";
import { execInBackground, startExec } from "./exec.ts";

/** A machine that runs according to its files. */
function makeMachine(): ReadableMachine {
  const record = makeRecord();
  const status = { state: "running", process: null, started: null, ended: null, exitCode: null, reason: null };
  return {
    id: record.id,
    record,
    status,
    ephemeral: false,
    ...persistentFolders(record.id),
  } as unknown as ReadableMachine;
}

Deno.test("startExec() and execInBackground() send a command of the maximum size and refuse a larger one", () =>
  withMachines(async () => {
    const machine = makeMachine();
    Deno.mkdirSync(machine.runtimeFolder, { recursive: true });
    using listener = Deno.listen({ transport: "unix", path: controlSocket(machine) });
    const sizeOf = async (argument: string) => {
      await using _ = await startExec(machine, { argv: [argument] }, NO_STREAMS);
      using runner = new FramePeer(await listener.accept());
      const frame = await runner.next();
      assert.equal(frame?.type, CONTROL.EXEC);
      return frame.payload.length;
    };
    const most = "x".repeat(HOST_PAYLOAD_MAX - await sizeOf(""));
    assert.equal(await sizeOf(most), HOST_PAYLOAD_MAX);
    const refusal = {
      code: "usage",
      message: `Cannot run a command of ${HOST_PAYLOAD_MAX + 1} bytes, its environment included`,
      hint: `At most ${HOST_PAYLOAD_MAX} bytes fit.`,
    };
    const larger = { argv: [`${most}x`] };
    await assert.rejects(startExec(machine, larger, NO_STREAMS), refusal);
    await assert.rejects(execInBackground(machine, larger), refusal);
  }));

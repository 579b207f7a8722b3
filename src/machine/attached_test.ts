import assert from "node:assert/strict";
import { fakeLaunch } from "../../tests/helpers/fake_runner.ts";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { NO_STREAMS } from "../protocol/attachment.ts";
import { CONTROL } from "../protocol/control.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import { AttachedMachine } from "./attached.ts";

Deno.test("AttachedMachine, when disposed of, leaves a persistent machine without waiting for its end", async () => {
  using temp = makeTempFolder();
  const { path } = temp;
  using listener = Deno.listen({ transport: "unix", path: controlSocket({ runtimeFolder: path }) });
  // The fake runner keeps running until the test removes its folder.
  using launch = fakeLaunch(path, `read -r _ && echo '{"pid":1}' && cat && while [ -d '${path}' ]; do sleep 0.1; done`);
  const machine = await AttachedMachine.start(launch, NO_STREAMS);
  using client = new FramePeer(await listener.accept());
  assert.equal((await client.next())?.type, CONTROL.ATTACH);
  const finished = assert.rejects(machine.finish());
  await machine[Symbol.asyncDispose]();
  assert.equal(await client.next(), undefined);
  await finished;
});

import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { SmolvmError } from "../errors.ts";
import { SetupFailedError } from "../protocol/agent_connection.ts";
import { ProtocolError } from "../protocol/payload.ts";
import { consoleLog } from "../state/machine_folders.ts";
import { describeFailure, failedStatus } from "./failure.ts";

function describe(error: unknown, { console = "" } = {}): SmolvmError {
  using folder = makeTempFolder();
  Deno.mkdirSync(`${folder.path}/vm`);
  if (console !== "") Deno.writeTextFileSync(consoleLog(folder.path), console);
  return describeFailure(error, { folder: folder.path });
}

Deno.test("describeFailure() reports the failed step of the setup, the reason, and a hint for an old libkrun", () => {
  const failed = (errno: number) => describe(new SetupFailedError({ errno, stage: 0, text: "mount the disk" }));
  const { code, message, hint } = failed(13);
  assert.deepEqual([code, message, hint], [
    "guest",
    "Cannot set up the guest: mount the disk: Permission denied (EACCES)",
    undefined,
  ]);
  assert.match(failed(95).hint!, /^The virtiofs of this libkrun does not work below an overlay/);
});

Deno.test("describeFailure() adds the end of the console to a guest's failure, and to no other", () => {
  const guest = new SmolvmError("guest", "The guest did not say hello within 15 s");
  assert.equal(
    describe(guest, { console: "one\ntwo\n" }).message,
    "The guest did not say hello within 15 s; its console ends with:\n  one\n  two",
  );
  assert.equal(describe(guest), guest);
  const host = new SmolvmError("storage", "Cannot prepare the guest's root");
  assert.equal(describe(host, { console: "one\n" }), host);
});

Deno.test("describeFailure() gives a code to errors that are not SmolvmErrors", () => {
  const codes = [new ProtocolError("frame type 9"), new TypeError("x is undefined")].map((error) =>
    describe(error).code
  );
  assert.deepEqual(codes, ["guest", "internal"]);
});

Deno.test("failedStatus() reports as stopped a machine that was stopped during its start", () => {
  const stateAfter = (code: "guest" | "interrupted") => failedStatus(new SmolvmError(code, "It ended")).state;
  assert.deepEqual([stateAfter("guest"), stateAfter("interrupted")], ["failed", "stopped"]);
});

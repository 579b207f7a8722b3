import assert from "node:assert/strict";
import { fakeLaunch } from "../../tests/helpers/fake_runner.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { exists } from "../host/files.ts";
import { RunnerProcess } from "../link/runner_process.ts";
import { CREATED, observeStatus, writeStatus } from "../state/status.ts";
import { boot } from "./boot.ts";
import { pause, until } from "../../tests/helpers/until.ts";

Deno.test("boot() kills the runner and its child processes when its signal is aborted", async () => {
  using temp = makeTempFolder();
  const { path } = temp;
  using launch = fakeLaunch(path, `(touch '${path}/begun' && sleep 0.2 && touch '${path}/survived') & wait`);
  const controller = new AbortController();
  const reason = new Error("enough");
  const given = assert.rejects(boot(launch, controller.signal), reason);
  await until(() => exists(`${path}/begun`));
  controller.abort(reason);
  await given;
  await pause(300);
  assert.equal(exists(`${path}/survived`), false);
});

Deno.test("boot() marks a starting persistent machine as aborted when its signal is aborted", async () => {
  for (const [state, reason] of [["starting", "aborted"], ["created", null]] as const) {
    using temp = makeTempFolder();
    const { path } = temp;
    Deno.mkdirSync(`${path}/vm`);
    await writeStatus(path, { ...CREATED, state });
    using launch = fakeLaunch(path, `touch '${path}/begun'; sleep 60`);
    launch.spec.runtimeFolder = `${path}/runtime`;
    const controller = new AbortController();
    const given = assert.rejects(boot(launch, controller.signal), { message: "enough" });
    await until(() => exists(`${path}/begun`));
    controller.abort(new Error("enough"));
    await given;
    const status = observeStatus(path);
    assert.deepEqual([status.state, status.reason], [reason ? "stopped" : "created", reason]);
  }
});

Deno.test("boot() refuses an invalid start report, and limits the length that it reads", async () => {
  using temp = makeTempFolder();
  const reports: [script: string, message: RegExp][] = [
    ["tr '\\\\0' x </dev/zero", /^Start report does not end$/],
    ["echo '{'", /^Start report is not JSON: /],
    ["echo '[]'", /^Start report is a list, expected an object$/],
  ];
  for (const [script, message] of reports) {
    using launch = fakeLaunch(temp.path, script);
    await assert.rejects(boot(launch), { code: "internal", message });
  }
});

Deno.test("RunnerProcess.end() kills a runner that does not exit after its release", async () => {
  const runner = RunnerProcess.spawn(["sh", "-c", "exec sleep 600"]);
  await runner.end(50);
  assert.equal((await runner.exited)?.signal, "SIGKILL");
});

import assert from "node:assert/strict";
import { fakeLaunch } from "../../tests/helpers/fake_runner.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { exists } from "../host/files.ts";
import { RunnerProcess } from "../link/runner_process.ts";
import { CREATED, observeStatus, writeStatus } from "../state/status.ts";
import { boot } from "./boot.ts";
import { pause, until } from "../../tests/helpers/until.ts";

Deno.test("boot() that is given up leaves no runner, also not one that is a child of what is started", async () => {
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

Deno.test("boot() that is given up leaves a machine that persists as aborted, if it had begun to start", async () => {
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

Deno.test("boot() refuses what is no report of a start, before it fills the memory", async () => {
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

Deno.test("RunnerProcess.end() kills a runner that does not end when it is let go of", async () => {
  const runner = RunnerProcess.spawn(["sh", "-c", "exec sleep 600"]);
  await runner.end(50);
  assert.equal((await runner.exited)?.signal, "SIGKILL");
});

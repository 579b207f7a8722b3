/** Machines whose processes get termination signals, as when the host shuts down. */
import assert from "node:assert/strict";
import { logOf, machineCommands, untilLogged } from "../helpers/machine_commands.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, rootfs, state } = suite;
const { create, start, remove, listed } = machineCommands(suite);

test("SIGTERM and SIGHUP to the VMs' processes stop the machines, which lose no data", async () => {
  const signals = ["SIGTERM", "SIGHUP"] as const;
  const script =
    'cat /file; trap "echo ended; exit 7" TERM; echo written >/file; echo ready; while :; do sleep 0.1; done';
  const names = signals.map((signal) => signal.toLowerCase());
  for (const name of names) {
    await create(name, "--memory", "128", rootfs, "sh", "-c", script);
    await start(name);
    const { id } = await listed(name);
    await untilLogged(state, id, "ready");
  }
  // Signal all machines at once, after their clients have exited, as when the host shuts down.
  const machines = await Promise.all(names.map(listed));
  machines.forEach(({ pid }, index) => Deno.kill(pid!, signals[index]!));
  for (const { name, id } of machines) {
    await until(async () => (await listed(name)).state === "stopped");
    const { reason, exitCode } = await listed(name);
    assert.deepEqual({ reason, exitCode }, { reason: null, exitCode: 7 }, name);
    assert.ok((await logOf(state, id)).includes("ended"), name);
  }
  // The disk was synced: the next run finds the file.
  const { name, id } = machines[0]!;
  await start(name);
  await untilLogged(state, id, "written");
  await remove(...names);
});

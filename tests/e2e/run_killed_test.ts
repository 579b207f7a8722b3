/** Killing smolvm or the VM's process at any moment leaves nothing behind. */
import assert from "node:assert/strict";
import { buildImage, exportImage, makeImageStore } from "../fixtures/images.ts";
import {
  runnersOf,
  supervisorsOf,
  takeInventory,
  untilInventory,
  untilListening,
  untilNoVm,
} from "../helpers/inventory.ts";
import { assertCode, type Process } from "../helpers/process.ts";
import { pause, until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { start, smolvm, rootfs } = suite;

/** How long a VM may outlive its killed smolvm. */
const VM_LIMIT_MS = 2000;
/** How long the rest may remain: a runner may notice only after it has started, which is slow when emulated. */
const LIMIT_MS = 10_000;

/** Registers a test that kills processes; everything that they leave must be gone within the limit. */
const test = (name: string, body: () => Promise<void>) => suite.test(name, body, { settlesWithinMs: LIMIT_MS });

/** Kills smolvm with SIGKILL, which it cannot handle, and waits until its VM is gone. */
async function kill(machine: Process): Promise<void> {
  machine.kill("SIGKILL");
  await machine.outcome;
  await untilNoVm(suite, VM_LIMIT_MS);
}

const MOMENTS: { what: string; command: string[]; reached: (smolvm: Process) => Promise<unknown> }[] = [
  {
    what: "when the VM's process has just started",
    command: ["sleep", "1000"],
    reached: () => until(() => runnersOf(suite).length > 0, { everyMs: 5 }),
  },
  { what: "while the guest boots", command: ["sleep", "1000"], reached: () => untilListening(suite) },
  {
    what: "while the command runs",
    command: ["sh", "-c", "echo ready; sleep 1000"],
    reached: (smolvm) => smolvm.untilStdout(/ready/),
  },
  { what: "during continuous output", command: ["yes"], reached: (smolvm) => smolvm.untilStdout(/y\n/) },
  {
    what: "when the command ends",
    command: ["echo", "last words"],
    reached: (smolvm) => smolvm.untilStdout(/last words/),
  },
];
for (const { what, command, reached } of MOMENTS) {
  test(`killing smolvm ${what} leaves nothing`, async () => {
    await using machine = start(["run", rootfs, ...command]);
    await reached(machine);
    await kill(machine);
  });
}

/** Kills `smolvm ARGS`, whose whole run takes `durationMs`, at evenly spaced moments. */
async function killAllAlong(args: string[], durationMs: number): Promise<void> {
  const before = await takeInventory(suite);
  const moments = 4;
  for (let moment = 1; moment <= moments; moment++) {
    await using machine = start(args);
    await pause(durationMs * moment / (moments + 1));
    await kill(machine);
    await untilInventory(suite, before, LIMIT_MS);
  }
}

test("killing smolvm anywhere between the start and the end of a run leaves nothing", async () => {
  const args = ["run", rootfs, "true"];
  const started = performance.now();
  assertCode(await smolvm(args), 0);
  await killAllAlong(args, performance.now() - started);
});

test("killing smolvm while it waits for a registry leaves nothing", async () => {
  using registry = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using machine = start(["run", "--tls-verify=false", `127.0.0.1:${registry.addr.port}/image`]);
  // buildah sends a request, and never gets an answer.
  using _question = await registry.accept();
  await kill(machine);
});

test("killing smolvm anywhere between the loading of an image and the end of its run leaves nothing", async () => {
  const archive = `oci-archive:${suite.folder}/image.tar`;
  await using builder = await makeImageStore();
  await buildImage(builder, { name: "localhost/image:1", rootfs });
  await exportImage(builder, "localhost/image:1", archive);
  const args = ["run", "--pull", "always", archive, "true"];
  assertCode(await smolvm(args), 0);
  const started = performance.now();
  assertCode(await smolvm(args), 0);
  await killAllAlong(args, performance.now() - started);
  assertCode(await smolvm(args), 0);
});

test("killing the VM's process causes a clear error and leaves nothing", async () => {
  await using machine = start(["run", rootfs, "sh", "-c", "echo ready; sleep 1000"]);
  await machine.untilStdout(/ready/);
  for (const pid of runnersOf(suite)) Deno.kill(pid, "SIGKILL");
  const outcome = await machine.outcome;
  assertCode(outcome, 125);
  assert.match(outcome.stderr, /^smolvm: The VM ended unexpectedly \(killed by SIGKILL\)/);
});

test("run removes the remains of a machine whose smolvm and VM were killed at the same time", async () => {
  const before = await takeInventory(suite);
  await using machine = start(["run", "--name", "lost", rootfs, "sh", "-c", "echo ready; sleep 1000"]);
  await machine.untilStdout(/ready/);
  machine.kill("SIGSTOP");
  // Kill the supervisors first: they remove what the VM's process leaves.
  for (const pid of [...supervisorsOf(suite), ...runnersOf(suite)]) Deno.kill(pid, "SIGKILL");
  await kill(machine);
  assert.notDeepEqual(await takeInventory(suite), before, "no process was left to remove it");
  assertCode(await smolvm(["run", "--name", "lost", rootfs, "true"]), 0);
});

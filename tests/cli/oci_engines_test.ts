// The OCI runtime under podman and containerd, with a stand-in for the VM: cleanup after processes are killed.
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { buildOciStandIn, canRunContainers } from "../helpers/oci_stand_in.ts";
import { configurePodman } from "../helpers/podman.ts";
import { assertCode, type Outcome, Process, runProcess } from "../helpers/process.ts";
import { findProcesses } from "../helpers/processes.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { pause, until } from "../helpers/until.ts";

const ignore =
  !(canRunContainers() && ["podman", "conmon", "containerd", "ctr"].every((it) => exists(`/usr/bin/${it}`)));
const MANY = 20;

/** Returns the processes in cgroups whose path contains `name`. */
function processesOf(name: string): number[] {
  return findProcesses((pid) => Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(name));
}

/** Returns processes with a folder in their command line: conmon, and the cleanup command that it starts at the end. */
function programsOf(folder: string): number[] {
  return findProcesses((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(folder));
}

/** Returns the mount points below a folder. */
function mountsIn(folder: string): string[] {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n").map((line) => line.split(" ")[4]);
  return mounts.filter((path) => path !== undefined).filter((path) => path.startsWith(`${folder}/`));
}

Deno.test(
  { name: "killed VM processes and conmons, and 20 concurrent containers, leave nothing behind", ignore },
  async () => {
    using temp = makeTempFolder();
    const folder = temp.path;
    const launcher = await buildOciStandIn(folder);
    const env = await configurePodman(folder, launcher);
    const podman = async (...args: string[]): Promise<Outcome> => await runProcess("podman", { args, env });
    // Hide /sys: it shows if the host's KVM cannot boot guests, but these tests boot none.
    const options = ["--network", "none", "--mount", "type=tmpfs,destination=/sys", "--rootfs", `${folder}/rootfs`];
    const run = async (...command: string[]) => {
      const started = await podman("run", "--detach", ...options, ...command);
      assertCode(started, 0);
      return started.stdout.trim();
    };
    const remove = async (...ids: string[]) => {
      assertCode(await podman("rm", "--force", "--time", "0", ...ids), 0);
      // Look twice: during execve(), as when conmon becomes the cleanup command, a process has no command line.
      for (let looks = 0; looks < 2; looks++) {
        await until(() => !ids.some((id) => processesOf(id).length > 0) && programsOf(folder).length === 0);
        await pause(100);
      }
      const folders = ids.filter((id) => exists(`${folder}/podman/graph/vfs-containers/${id}`));
      assert.deepEqual([mountsIn(folder), folders], [[], []]);
    };

    const killed = await run("sleep");
    const pidOf = async (field: string, id: string) =>
      Number((await podman("inspect", "--format", `{{.State.${field}}}`, id)).stdout);
    Deno.kill(await pidOf("Pid", killed), "SIGKILL");
    assert.equal((await podman("wait", killed)).stdout, "137\n");
    await remove(killed);

    const orphan = await run("sleep");
    Deno.kill(await pidOf("ConmonPid", orphan), "SIGKILL");
    await remove(orphan);
    // Without conmon, podman does not delete the container in any runtime.
    assertCode(await runProcess("runc", { args: ["delete", "--force", orphan] }), 0);

    const ids = await Promise.all(Array.from({ length: MANY }, () => run("sleep")));
    const running = (await podman("ps", "--quiet")).stdout.trim().split("\n");
    assert.deepEqual([running.length, new Set(ids).size], [MANY, MANY]);
    await remove(...ids);
    assert.equal((await podman("ps", "--all", "--quiet")).stdout, "");
  },
);

Deno.test({ name: "a killed shim or containerd leaves nothing behind", ignore }, async () => {
  using temp = makeTempFolder();
  const folder = temp.path;
  const launcher = await buildOciStandIn(folder);
  const address = `${folder}/containerd.sock`;
  Deno.writeTextFileSync(
    `${folder}/containerd.toml`,
    `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n` +
      `[grpc]\naddress = "${address}"\n`,
  );
  const id = `smolvm-test-${crypto.randomUUID()}`;
  const ctr = async (...args: string[]) => await runProcess("ctr", { args: ["--address", address, ...args] });
  const start = async () => {
    const daemon = new Process("containerd", { args: ["--config", `${folder}/containerd.toml`] });
    await until(async () => (await ctr("version")).code === 0);
    return daemon;
  };
  const run = async () => {
    const options = ["--detach", "--runc-binary", launcher, "--mount", "type=tmpfs,src=tmpfs,dst=/sys,options=nosuid"];
    assertCode(await ctr("run", ...options, "--rootfs", `${folder}/rootfs`, id, "sleep"), 0);
    const { stdout } = await ctr("tasks", "list");
    const pid = /\d+/.exec(stdout.split("\n").find((line) => line.startsWith(id))!.slice(id.length))![0];
    return Number(/^PPid:\t(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
  };
  const left = () => [...processesOf(id), ...mountsIn(folder)];

  let daemon = await start();
  try {
    const shim = await run();
    Deno.kill(shim, "SIGKILL");
    await until(() => left().length === 0);
    await until(async () => !(await ctr("tasks", "list")).stdout.includes(id));
    assertCode(await ctr("containers", "delete", id), 0);

    await run();
    // The process handles no signals until it has started its VM.
    await until(() => processesOf(id).length > 1);
    daemon.kill("SIGKILL");
    await daemon.outcome;
    daemon = await start();
    assert.match((await ctr("tasks", "list")).stdout, /RUNNING/);
    assertCode(await ctr("tasks", "kill", "--signal", "TERM", id), 0);
    await until(async () => /STOPPED/.test((await ctr("tasks", "list")).stdout));
    assert.match((await ctr("tasks", "delete", id)).stderr, /exit code 143"/);
    assertCode(await ctr("containers", "delete", id), 0);
    await until(() => left().length === 0);
  } finally {
    daemon.kill("SIGTERM");
    await daemon.outcome;
  }
});

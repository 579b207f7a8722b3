// The OCI runtime with real runc and a stand-in for the VM (tests/fixtures/oci_guest.c): everything but the guest.
import assert from "node:assert/strict";
import type { OciConfig, OciProcess } from "../../src/oci/config.ts";
import { exists } from "../../src/host/files.ts";
import { parseContainerSpec, SPEC_FILE } from "../../src/oci/spec.ts";
import { buildOciStandIn, canRunContainers } from "../helpers/oci_stand_in.ts";
import { assertCode, type Outcome, Process, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";

/** A bundle, and the OCI runtime that runs it. */
interface Bundle extends Disposable {
  folder: string;
  /** The path of the OCI runtime. */
  launcher: string;
  id: string;
  /** Changes the bundle's configuration. */
  configure(change: (config: OciConfig) => void): void;
  oci(args: string[], input?: string): Promise<Outcome>;
}

async function makeBundle(): Promise<Bundle> {
  const temp = makeTempFolder();
  const folder = temp.path;
  const launcher = await buildOciStandIn(folder);
  Deno.writeTextFileSync(`${folder}/rootfs/plain`, "");
  assertCode(await runProcess("runc", { args: ["spec"], cwd: folder }), 0);
  const file = `${folder}/config.json`;
  const configure = (change: (config: OciConfig) => void) => {
    const config = JSON.parse(Deno.readTextFileSync(file)) as OciConfig;
    change(config);
    Deno.writeTextFileSync(file, JSON.stringify(config));
  };
  configure((config) => {
    config.process.terminal = false;
    config.hostname = "box";
    // Hide /sys: it shows if the host's KVM cannot boot guests, but these tests boot none.
    config.mounts = config.mounts!.filter(({ destination }) => !destination.startsWith("/sys"));
    config.mounts.push({ destination: "/etc/hosts", type: "bind", source: "/etc/hosts", options: ["rbind", "ro"] });
  });
  const id = `smolvm-test-${crypto.randomUUID()}`;
  return {
    folder,
    launcher,
    id,
    configure,
    oci: async (args, input = "") => await runProcess(launcher, { args, cwd: folder, input }),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

const needs = !canRunContainers();

Deno.test(
  { name: "smolvm-oci run connects the process's streams and returns its exit code", ignore: needs },
  async () => {
    using bundle = await makeBundle();
    const run = async (args: string[], input = "") => {
      bundle.configure(({ process }) => process.args = args);
      return await bundle.oci(["run", bundle.id], input);
    };
    const echo = await run(["echo", "hello"]);
    assert.deepEqual([echo.code, echo.stdout, echo.stderr], [0, "box: hello\n", ""]);
    assert.equal((await run(["exit", "42"])).code, 42);
    const cat = await run(["cat"], "input\n");
    assert.deepEqual([cat.code, cat.stdout], [0, "input\n"]);
    for (
      const [signal, code] of [["XCPU", 152], ["WINCH", 156], ["PIPE", 141], ["FPE", 136], ["34", 162], [
        "64",
        192,
      ]] as const
    ) {
      bundle.configure(({ process }) => process.args = ["cat"]);
      await using killed = new Process(bundle.launcher, { args: ["run", bundle.id], cwd: bundle.folder });
      await killed.write("up\n");
      await killed.untilStdout(/up/);
      assertCode(await bundle.oci(["kill", bundle.id, signal]), 0);
      assert.equal((await killed.outcome).code, code);
    }
    assert.deepEqual([...Deno.readDirSync(bundle.folder)].filter(({ name }) => name.startsWith("smolvm@")), []);
  },
);

Deno.test({ name: "smolvm-oci create fails with runc's messages, and leaves no files", ignore: needs }, async () => {
  using bundle = await makeBundle();
  const create = async (change: (config: OciConfig) => void) => {
    bundle.configure(change);
    return await bundle.oci(["--log", "log", "--log-format", "json", "create", bundle.id]);
  };
  const logged = () =>
    Deno.readTextFileSync(`${bundle.folder}/log`).trim().split("\n").map((line) => JSON.parse(line).msg);
  assert.equal((await create(({ process }) => process.args = ["nope"])).code, 127);
  assert.equal((await create(({ process }) => process.args = ["/plain"])).code, 126);
  assert.equal(
    (await create(({ process, linux }) => {
      process.args = ["echo"];
      linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }];
    })).code,
    125,
  );
  assert.equal(
    (await create(({ linux }) => {
      linux.devices = [];
      linux.seccomp = { defaultAction: "SCMP_ACT_NOTIFY" };
    })).code,
    125,
  );
  const refused = await create(({ process, linux }) => {
    delete linux.seccomp;
    process.rlimits = [{ type: "RLIMIT_TEST", soft: 1, hard: 1 }];
  });
  assert.equal(refused.code, 125);
  bundle.configure(({ process }) => delete process.rlimits);
  assert.deepEqual(logged(), [
    'exec: "nope": executable file not found in $PATH',
    'exec: "/plain": permission denied',
    'Cannot create the container: smolvm does not support the device "/dev/fuse" in a guest',
    "Cannot create the container: smolvm's seccomp filter does not support notifications: " +
    "no program of the host sees the calls in a guest",
    'Cannot set the resource limit "RLIMIT_TEST": unknown limit',
  ]);
  const preserve = await bundle.oci(["create", "--preserve-fds", "2", bundle.id]);
  assert.match(preserve.stderr, /Cannot pass file descriptors to a guest: --preserve-fds is not supported/);
  assert.match((await bundle.oci(["checkpoint", bundle.id])).stderr, /a VM has no checkpoints/);
  assert.ok(!exists(`${bundle.folder}/smolvm@${bundle.id}`));
  assert.equal((await bundle.oci(["state", bundle.id])).code, 1);
});

Deno.test(
  { name: "smolvm-oci create gives access to the loopback only of a container's own network", ignore: needs },
  async () => {
    using bundle = await makeBundle();
    const { id, oci, folder, launcher } = bundle;
    bundle.configure(({ process }) => process.args = ["sleep"]);
    const networkOf = async (command: string) => {
      // Redirect the output: the container would keep the pipes of this test open.
      const call = `${launcher} ${command} --bundle ${folder} ${id} >out 2>&1`;
      assertCode(await runProcess("sh", { args: ["-c", call], cwd: folder }), 0);
      const spec = parseContainerSpec(Deno.readTextFileSync(`${folder}/smolvm@${id}/root${SPEC_FILE}`));
      assertCode(await oci(["delete", "--force", id]), 0);
      return [spec.allowNet, spec.listens];
    };
    assert.deepEqual(await networkOf("create"), [["public", "private", "host"], true]);
    bundle.configure(({ linux }) => linux.namespaces = linux.namespaces!.filter(({ type }) => type !== "network"));
    assert.deepEqual(await networkOf("run --detach"), [["public"], false]);
  },
);

Deno.test({ name: "smolvm-oci run runs in a user namespace", ignore: needs }, async () => {
  using bundle = await makeBundle();
  Deno.chmodSync(bundle.folder, 0o755);
  bundle.configure(({ process, linux }) => {
    process.args = ["echo", "hello"];
    linux.namespaces!.push({ type: "user" });
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }];
  });
  const { stdout, stderr } = await bundle.oci(["run", bundle.id]);
  // Root of that namespace can use /dev/kvm only if its permissions allow all users.
  assert.match(stdout + stderr, /^box: hello\n$|^smolvm: Cannot use KVM: no permission for \/dev\/kvm\n$/);
});

Deno.test({
  name: "smolvm-oci confines the VM process, runs further commands and forwards signals",
  ignore: needs,
}, async () => {
  using bundle = await makeBundle();
  const { id, oci, folder, launcher } = bundle;
  bundle.configure(({ process }) => process.args = ["sleep"]);
  // Redirect the output: the container would keep the pipes of this test open.
  assertCode(
    await runProcess("sh", {
      args: ["-c", `${launcher} create --bundle ${folder} --pid-file pid ${id} >out 2>&1`],
      cwd: folder,
    }),
    0,
  );
  try {
    const exec = async (...args: string[]) => {
      const process: OciProcess = { args, cwd: "/", env: ["PATH=/bin"] };
      Deno.writeTextFileSync(`${folder}/process.json`, JSON.stringify(process));
      return await oci(["exec", "--process", "process.json", id]);
    };
    const again = await oci(["create", "--bundle", folder, id]);
    assert.match(again.stderr, /container with given ID already exists/);
    const early = exec("exit", "3");
    await until(async () => JSON.parse((await oci(["ps", "--format", "json", id])).stdout).length > 1, { everyMs: 50 });
    assertCode(await oci(["start", id]), 0);
    assert.equal((await early).code, 3);
    const echo = await exec("echo", "beside");
    assert.deepEqual([echo.code, echo.stdout], [0, "box: beside\n"]);
    assert.equal((await exec("exit", "9")).code, 9);
    const words = await oci(["exec", "--env", "A=b", "--user", "1:2", id, "echo", "by words"]);
    assert.deepEqual([words.code, words.stdout], [0, "box: by words\n"]);
    assert.match((await oci(["exec", "--cap", "CAP_CHOWN", id, "echo"])).stderr, /the option "--cap"/);
    assert.equal((await exec("nope")).code, 127);
    const pid = Number(Deno.readTextFileSync(`${folder}/pid`));
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, NET_BIND_SERVICE.
    assert.match(status, /^CapBnd:\t00000000000004db$/m);
    const writable = Deno.readTextFileSync(`/proc/${pid}/mountinfo`).split("\n")
      .map((line) => line.split(" ")).filter((fields) => /^rw\b/.test(fields[5] ?? "")).map((fields) => fields[4]!)
      .filter((path) => !/^\/(proc|dev)(\/|$)/.test(path));
    assert.deepEqual(writable, ["/vm/run"]);
    const pids: number[] = JSON.parse((await oci(["ps", "--format", "json", id])).stdout);
    Deno.kill(pids.find((other) => other !== pid)!, "SIGKILL");
    assert.equal((await exec("exit", "7")).code, 7, "without its network");
    assertCode(await oci(["kill", id, "TERM"]), 0);
    await until(async () => !/"status": "running"/.test((await oci(["state", id])).stdout), { everyMs: 50 });
  } finally {
    await oci(["delete", "--force", id]);
  }
  assert.equal(Deno.readTextFileSync(`${folder}/out`), "");
});

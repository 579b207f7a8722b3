/** Containers of docker and of a kubelet's pod, each in a VM, through the same containerd. */
import assert from "node:assert/strict";
import { exists } from "../../src/host/files.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { Kubelet } from "../helpers/cri.ts";
import { engineSuite, fetchText, RUNTIME } from "../helpers/engine_suite.ts";
import { assertCode, type Outcome, Process, runProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

const CONTAINERD = "/run/containerd/containerd.sock";
const DOCKER = "/run/docker.sock";
const IMAGE = "localhost/box:latest";
const suite = engineSuite(["containerd", "dockerd", "docker", "docker-compose", "runc", "bridge"]);
const { folder } = suite;
const daemons: Process[] = [];

async function docker(...args: string[]): Promise<Outcome> {
  return await runProcess("docker", { args });
}

/** Starts a daemon, which runs until the end of the tests, and waits until it listens. */
async function startDaemon(program: string, { args, socket }: { args: string[]; socket: string }): Promise<void> {
  const daemon = new Process(program, { args, timeoutMs: 1_200_000 });
  daemons.push(daemon);
  await Promise.race([
    until(() => exists(socket)),
    daemon.outcome.then(({ stderr }) => Promise.reject(new Error(`${program} ended: ${stderr.slice(-2000)}`))),
  ]);
}

function containerdConfig(): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${folder}/containerd"
[${cri}]
sandbox_image = "${IMAGE}"
[${cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${folder}/cni"
[${cri}.containerd]
snapshotter = "native"
default_runtime_name = "smolvm"
[${cri}.containerd.runtimes.smolvm]
runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.smolvm.options]
BinaryName = "${RUNTIME}"
`;
}

/** The network of pods. */
const CNI = {
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [{
    type: "bridge",
    bridge: "cni0",
    isGateway: true,
    ipam: { type: "host-local", ranges: [[{ subnet: "10.99.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
  }],
};

if (suite.isEnabled) {
  Deno.test.beforeAll(async () => {
    await Deno.writeTextFile(`${folder}/containerd.toml`, containerdConfig());
    await Deno.mkdir(`${folder}/cni`);
    await Deno.writeTextFile(`${folder}/cni/pods.conflist`, JSON.stringify(CNI));
    await startDaemon("containerd", { args: ["--config", `${folder}/containerd.toml`], socket: CONTAINERD });
    await startDaemon("dockerd", {
      args: [
        ...["--containerd", CONTAINERD, "--data-root", `${folder}/docker`, "--storage-driver", "vfs"],
        ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--add-runtime", `smolvm=${RUNTIME}`],
        // A swarm service cannot choose a runtime.
        ...["--default-runtime", "smolvm"],
      ],
      socket: DOCKER,
    });
    await buildRootfs(`${folder}/root`);
    await Deno.mkdir(`${folder}/root/www`);
    await Deno.writeTextFile(`${folder}/root/www/index.html`, "page\n");
    // The pod's sandbox container uses the same image, and has no VM.
    const { bytes } = await runProcess("tar", { args: ["-C", `${folder}/root`, "-c", "."] });
    const args = ["import", "--change", 'CMD ["/bin/sleep", "1000000"]', "-", IMAGE];
    assertCode(await runProcess("docker", { args, input: bytes }), 0);
  });
  Deno.test.afterAll(async () => {
    for (const daemon of daemons.reverse()) {
      daemon.kill("SIGTERM");
      await daemon.outcome;
    }
  });
}

suite.test("docker run returns the exit code; a container has ports, a health check, exec, logs and stop", async () => {
  const run = ["run", "--memory", "200m"];
  assertCode(await docker(...run, "--rm", "--network", "none", IMAGE, "sh", "-c", "exit 42"), 42);
  const server = 'httpd -h /www; trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.2; done';
  assertCode(
    await docker(
      ...[...run, "--detach", "--name", "web", "-p", "127.0.0.1:8123:80"],
      ...[
        "--health-cmd",
        "wget -q -O /dev/null http://127.0.0.1",
        "--health-interval",
        "1s",
        "--health-timeout",
        "60s",
      ],
      ...[IMAGE, "sh", "-c", server],
    ),
    0,
  );
  try {
    const health = async () => (await docker("inspect", "--format", "{{.State.Health.Status}}", "web")).stdout;
    await until(async () => await health() === "healthy\n", { everyMs: 2000 });
    const exec = await docker("exec", "--env", "A=b", "--user", "1000", "web", "sh", "-c", "echo $A $(id -u); exit 9");
    assert.deepEqual([exec.code, exec.stdout], [9, "b 1000\n"]);
    const address = (await docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", "web")).stdout.trim();
    for (const url of [`http://${address}/`, "http://127.0.0.1:8123/"]) {
      assert.equal(await fetchText(url), "page\n");
    }
    assertCode(await docker("stop", "--time", "60", "web"), 0);
    assert.equal((await docker("inspect", "--format", "{{.State.ExitCode}}", "web")).stdout, "5\n");
    assert.equal((await docker("logs", "web")).stdout, "up\nbye\n");
  } finally {
    await docker("rm", "--force", "web");
  }
  assert.equal((await docker("ps", "--all", "--quiet")).stdout, "");
});

suite.test("docker compose runs containers that reach each other by name", async () => {
  const file = `${folder}/docker-compose.yml`;
  await Deno.writeTextFile(
    file,
    `version: "2.4"
x-common: &common {image: "${IMAGE}", runtime: smolvm, mem_limit: 200m, stop_grace_period: 0s}
services:
  web: {<<: *common, command: [httpd, -f, -h, /www]}
  side: {<<: *common, command: [sh, -c, "until wget -q -O- http://web/; do sleep 1; done"], depends_on: [web]}
`,
  );
  const compose = (...args: string[]) =>
    runProcess("docker-compose", { args: ["--file", file, "--project-name", "shop", ...args], timeoutMs: 200_000 });
  try {
    assertCode(await compose("up", "--detach"), 0);
    assert.equal((await docker("wait", "shop_side_1")).stdout, "0\n");
    assert.equal((await docker("logs", "shop_side_1")).stdout, "page\n");
  } finally {
    assertCode(await compose("down"), 0);
  }
  assert.equal((await docker("ps", "--all", "--quiet")).stdout, "");
});

suite.test("docker swarm runs the replicas of a service, and replaces a replica that was killed", async () => {
  const address = "ip link add swarm0 type dummy && ip address add 10.98.0.1/24 dev swarm0 && ip link set swarm0 up";
  assertCode(await runProcess("sh", { args: ["-c", address] }), 0);
  assertCode(await docker("swarm", "init", "--advertise-addr", "10.98.0.1"), 0);
  // Wait for events: polling would use as much of the emulated processor's time as everything else.
  const filters = ["type=container", "event=start", "event=destroy"].flatMap((filter) => ["--filter", filter]);
  const format = ["--format", "{{.Action}} {{.ID}}"];
  await using events = new Process("docker", { args: ["events", "--since", "1s", ...filters, ...format] });
  const started = async () => (await events.untilStdout(/^start (\w+)\n/m))[1]!;
  const isUp = async (id: string) => (await docker("exec", id, "cat", "/www/index.html")).stdout === "page\n";
  try {
    const service = ["--detach", "--no-resolve-image", "--name", "web", "--replicas", "2", "--limit-memory", "200m"];
    const restart = ["--restart-delay", "0s"];
    assertCode(await docker("service", "create", ...service, ...restart, IMAGE, "sleep", "1000"), 0);
    const [first, second] = [await started(), await started()];
    for (const id of [first, second]) assert.ok(await isUp(id), id);
    assertCode(await docker("kill", first), 0);
    assert.ok(await isUp(await started()), "the new one");
    assertCode(await docker("service", "rm", "web"), 0);
    for (let times = 0; times < 3; times++) await events.untilStdout(/^destroy /m);
    assert.equal((await docker("ps", "--all", "--quiet")).stdout, "");
  } finally {
    await docker("swarm", "leave", "--force");
    await runProcess("ip", { args: ["link", "delete", "swarm0"] });
  }
});

suite.test("a kubelet's pod has an address, and its containers have exec, logs and stop", async () => {
  assertCode(await docker("save", "--output", `${folder}/image.tar`, IMAGE), 0);
  const load = ["--namespace", "k8s.io", "images", "import", "--snapshotter", "native", `${folder}/image.tar`];
  assertCode(await runProcess("ctr", { args: load }), 0);
  using kubelet = new Kubelet(CONTAINERD, { logs: await suite.makeFolder("logs") });
  const pod = await kubelet.runPod("smolvm");
  const run = (name: string, command: string) =>
    kubelet.run(pod, { name, image: IMAGE, command: ["sh", "-c", command], memoryBytes: 200 * 1024 ** 2 });
  const web = await run("web", "echo up; httpd -f -h /www -p 127.0.0.1:81 & httpd -f -h /www");
  const side = await run("side", 'trap "echo bye >&2; exit 5" TERM; while :; do sleep 0.2; done');
  const exec = await kubelet.exec(web, "sh", "-c", "hostname; echo no >&2; exit 9");
  assert.deepEqual(exec, { code: 9, stdout: "podhost\n", stderr: "no\n" });
  const address = await kubelet.podAddress(pod);
  assert.equal(await fetchText(`http://${address}/`), "page\n");
  // The containers share the pod's loopback. The server at port 80 listens at all addresses, that at 81 only there.
  const ask = 'printf "GET /index.html HTTP/1.0\\r\\n\\r\\n" | nc 127.0.0.1';
  for (const port of [80, 81]) {
    const { stdout } = await kubelet.exec(side, "sh", "-c", `until ${ask} ${port}; do sleep 0.2; done | tail -n 1`);
    assert.equal(stdout, "page\n");
  }
  await assert.rejects(fetch(`http://${address}:81/`), TypeError);
  assert.equal(await kubelet.remove(side, { timeoutSeconds: 60 }), 5);
  assert.equal(await kubelet.remove(web, { timeoutSeconds: 1 }), 137);
  assert.deepEqual([kubelet.logOf("web"), kubelet.logOf("side")], ["stdout up\n", "stderr bye\n"]);
  await kubelet.removePod(pod);
  assert.equal(await kubelet.remains(), 0);
});

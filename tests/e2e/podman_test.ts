/** podman's containers, each in a VM: `podman --runtime smolvm-oci`. */
import assert from "node:assert/strict";
import type { OciSeccomp } from "../../src/oci/config.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { engineSuite, fetchText, RUNTIME } from "../helpers/engine_suite.ts";
import { configurePodman } from "../helpers/podman.ts";
import { assertCode, type Outcome, runProcess } from "../helpers/process.ts";
import { startSystemd } from "../helpers/systemd.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { until } from "../helpers/until.ts";

const suite = engineSuite(["podman", "crun", "netavark", "catatonit", "dbus-daemon", "busctl"]);
const { folder } = suite;
let env: Record<string, string> = {};

async function podman(...args: string[]): Promise<Outcome> {
  return await feedPodman("", args);
}

/** Runs podman with an input. */
async function feedPodman(input: string | Uint8Array, args: string[]): Promise<Outcome> {
  return await runProcess("podman", { args, env, input });
}

if (suite.isEnabled) {
  Deno.test.beforeAll(async () => {
    env = await configurePodman(folder, RUNTIME);
    await buildRootfs(`${folder}/root`);
    await Deno.mkdir(`${folder}/root/www`);
    await Deno.writeTextFile(`${folder}/root/www/index.html`, "page\n");
    await Deno.mkdir(`${folder}/shared`);
  });
}

suite.test("podman run applies its options to the process in the guest, and returns its exit code", async () => {
  const script = [
    "echo id $(id -u):$(id -g) $(id -G)",
    "echo env $A $HOME $(pwd) $(hostname) $(umask)",
    "echo hosts $(grep -c there /etc/hosts)",
    "echo file $(cat /file)",
    "echo written >/shared/new && echo no >/file",
    "echo sizes $(df -k /t | awk 'END {print $2}') $(df -k /dev/shm | awk 'END {print $2}')",
    "echo memory $(awk '/MemTotal/ {print ($2 > 150000 && $2 < 230000)}' /proc/meminfo) cpus $(nproc)",
    "sed -n 's/^\\(CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp_filters\\):\\t/\\1 /p' /proc/self/status",
    "echo ttl $(cat /proc/sys/net/ipv4/ip_default_ttl)",
    "linux32 echo call",
    "cat; exit 42",
  ].join("\n");
  await Deno.chown(`${folder}/shared`, 1000, 1000);
  await Deno.writeTextFile(`${folder}/file`, "content");
  const outcome = await feedPodman("input\n", [
    ...["run", "--rm", "-i", "--network", "none", "--user", "1000:1000", "--group-add", "2000", "--env", "A=b"],
    ...["--workdir", "/tmp", "--hostname", "box", "--add-host", "there:1.2.3.4", "--tmpfs", "/t:size=1m,mode=1777"],
    ...["--shm-size", "3m", "--memory", "200m", "--cpus", "0.5", "--umask", "0027", "--cap-drop", "all"],
    ...["--security-opt", "seccomp=unconfined", "--sysctl", "net.ipv4.ip_default_ttl=77"],
    ...["--security-opt", "no-new-privileges", "--volume", `${folder}/file:/file:ro`],
    ...["--volume", `${folder}/shared:/shared`, "--rootfs", `${folder}/root`, "sh", "-c", script],
  ]);
  assert.deepEqual([outcome.code, outcome.stdout.split("\n")], [42, [
    "id 1000:1000 1000 2000",
    "env b /home/app /tmp box 0027",
    "hosts 1",
    "file content",
    "sizes 1024 3072",
    "memory 1 cpus 1",
    "CapEff 0000000000000000",
    "CapBnd 0000000000000000",
    "NoNewPrivs 1",
    // The filter of the agent.
    "Seccomp_filters 1",
    "ttl 77",
    "call",
    "input",
    "",
  ]]);
  assert.match(outcome.stderr, /\/file: Read-only file system/);
  const { uid, mode } = Deno.statSync(`${folder}/shared/new`);
  assert.deepEqual([uid, mode! & 0o777], [1000, 0o640]);
});

suite.test("a podman container has published ports, a health check, exec, kill, logs and stop", async () => {
  const server =
    'httpd -h /www; trap "echo bye; exit 5" TERM; trap "echo woken" USR1; echo up; while :; do sleep 0.2; done';
  // podman's default profile without personality(2).
  const profile = JSON.parse(await Deno.readTextFile("/usr/share/containers/seccomp.json")) as OciSeccomp;
  profile.syscalls = profile.syscalls!.filter(({ names }) => !names.includes("personality"));
  await Deno.writeTextFile(`${folder}/seccomp.json`, JSON.stringify(profile));
  const seccomp = ["--security-opt", `seccomp=${folder}/seccomp.json`];
  const rootfs = [...seccomp, "--read-only", "--rootfs", `${folder}/root`];
  // The test runs the health check itself: without systemd, nothing runs it periodically.
  const health = ["--health-cmd", "wget -q -O /dev/null http://127.0.0.1", "--health-interval", "disable"];
  const options = ["--detach", "--name", "web", "-p", "127.0.0.1:8123:80", ...health, ...rootfs];
  assertCode(await podman("run", ...options, "sh", "-c", server), 0);
  try {
    const format = "{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}}";
    const [address, gateway] = (await podman("inspect", "--format", format, "web")).stdout.trim().split(" ");
    using outside = Deno.listen({ port: 0 });
    outside.accept().then(async (conn) => {
      await conn.write(new TextEncoder().encode("outside\n"));
      conn.close();
    }, () => {}); // No connection came.
    const forbidden = await podman("exec", "web", "linux32", "echo", "call");
    assert.match(forbidden.stderr, /personality\(0x8\): Function not implemented/);
    assert.match((await podman("exec", "web", "grep", "Seccomp_filters", "/proc/1/status")).stdout, /:\t2\n/);
    const script = `test -t 0 && echo terminal; nc ${gateway} ${
      (outside.addr as Deno.NetAddr).port
    } </dev/null; ping -c 1 -W 20 ${gateway} >/dev/null && echo pinged; touch /new; exit 9`;
    const exec = await podman("exec", "--tty", "web", "sh", "-c", script);
    assert.equal(exec.code, 9);
    assert.match(exec.stdout, /^terminal\r\noutside\r\npinged\r\n.*Read-only file system\r\n$/);
    for (const url of [`http://${address}/`, "http://127.0.0.1:8123/"]) {
      assert.equal(await fetchText(url), "page\n");
    }
    assertCode(await podman("healthcheck", "run", "web"), 0);
    const typed =
      'until [ "$(stty size)" = "31 97" ]; do sleep 0.2; done; echo sized; read line; echo "got $line"; exit 7';
    await using terminal = onTerminal(
      { env, rootfs: `${folder}/root` },
      `podman exec -it web sh -c '${typed}'; echo "code $?"`,
    );
    await terminal.untilStdout(/sized\r\n/);
    await terminal.write("key\r");
    await terminal.untilStdout(/got key\r\n(.*\r\n)*code 7\r\nrestored\r\n/);
    assertCode(await podman("kill", "--signal", "USR1", "web"), 0);
    await until(async () => (await podman("logs", "web")).stdout === "up\nwoken\n", { everyMs: 500 });
    assertCode(await podman("stop", "--time", "60", "web"), 0);
    const { stdout } = await podman("inspect", "--format", "{{.State.ExitCode}}", "web");
    assert.equal(stdout, "5\n");
    assert.equal((await podman("logs", "web")).stdout, "up\nwoken\nbye\n");
  } finally {
    await podman("rm", "--force", "web");
  }
  assert.equal((await podman("ps", "--all", "--quiet")).stdout, "");
});

suite.test("podman run -it gives the command a terminal with this terminal's size, and passes on resizes", async () => {
  const guest = 'tty; stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.2; done';
  const run = `podman run --rm -it --network none --rootfs ${folder}/root sh -c '${guest}'; echo "code $?"`;
  await using terminal = onTerminal({ env, rootfs: `${folder}/root` }, run);
  const [, device] = await terminal.untilStdout(/^(\/dev\/pts\/\d+)\r\n/);
  await terminal.untilStdout(/\/dev\/pts\/0\r\n31 97\r\nready\r\n/);
  assertCode(await runProcess("stty", { args: ["-F", device!, "rows", "40", "cols", "120"] }), 0);
  await terminal.untilStdout(/^40 120\r\n(.*\r\n)*code 5\r\nrestored\r\n/);
  assertCode(await terminal.finish(), 0);
});

suite.test("podman kube play runs a Deployment in systemd's cgroups, and its containers share localhost", async () => {
  const place = await suite.makeFolder("kube");
  await using systemd = await startSystemd(place);
  const env = await configurePodman(place, RUNTIME, { cgroupManager: "systemd" });
  const podman = async (...args: string[]): Promise<Outcome> => {
    const [program, ...prefix] = systemd.prefix;
    return await runProcess(program, { args: [...prefix, "podman", ...args], env });
  };
  const archive = `${place}/root.tar`;
  assertCode(await runProcess("tar", { args: ["-C", `${folder}/root`, "-cf", archive, "."] }), 0);
  assertCode(await podman("import", archive, "localhost/box:latest"), 0);
  const ask = 'printf "GET /index.html HTTP/1.0\\r\\n\\r\\n" | nc localhost 81';
  const container = (name: string, script: string) => ({
    name,
    image: "localhost/box:latest",
    imagePullPolicy: "Never",
    command: ["sh", "-c", `${script}; trap exit TERM; while :; do sleep 0.2; done`],
  });
  const containers = [
    container("web", "httpd -h /www -p 127.0.0.1:81"),
    container("side", `until ${ask} | grep page; do sleep 0.2; done`),
  ];
  const labels = { app: "app" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "app" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
  // JSON is YAML.
  await Deno.writeTextFile(`${place}/app.yaml`, JSON.stringify(deployment));
  try {
    assertCode(await podman("kube", "play", "--network", "none", `${place}/app.yaml`), 0);
    await until(async () => (await podman("logs", "app-pod-0-side")).stdout === "page\n", { everyMs: 1000 });
    const { stdout } = await podman("inspect", "--format", "{{.State.CgroupPath}}", "app-pod-0-side");
    assert.match(stdout, /\.slice\/libpod-[0-9a-f]+\.scope/);
  } finally {
    assertCode(await podman("kube", "down", `${place}/app.yaml`), 0);
  }
  assert.equal((await podman("ps", "--all", "--quiet")).stdout, "");
});

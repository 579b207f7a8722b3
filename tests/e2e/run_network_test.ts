/** What a guest can reach, with `--net`, with rules, and without a network. */
import assert from "node:assert/strict";
import { Authority } from "../../src/network/certificates.ts";
import { Networks } from "../../src/mod.ts";
import { copyProgram } from "../fixtures/program.ts";
import { buildRootfs } from "../fixtures/rootfs.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode, Process, runProcess } from "../helpers/process.ts";
import { findProcesses } from "../helpers/processes.ts";
import { setEnv } from "../helpers/env.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

// Not below /dev: Deno denies the gateway files there, as it lacks --allow-all.
const suite = vmSuite({ parent: "/tmp" });
const { test, smolvm, rootfs } = suite;
const { create, start, remove } = machineCommands(suite);

const NETWORK = decodeURIComponent(new URL("../network", import.meta.url).pathname);
/** A public address that this host does not have. */
const WORLD = "9.9.9.10";
const SIZE = 2 * 1024 ** 2;
const GATEWAY = "192.168.127.1";
const GATEWAY6 = "fd73:6d6f:6c76:6d00::1";
const NO_ROUTE = /No route to host/;

let world: Process | undefined;
const folder = makeTempFolder();

/** Starts a stand-in for the public internet: a network namespace with servers, behind a tap. */
Deno.test.beforeAll(async () => {
  const program = `${folder.path}/tap_world`;
  const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"];
  assertCode(await runProcess("gcc", { args: [...flags, "-o", program, `${NETWORK}/tap_world.c`] }), 0);
  // This authority signs the certificate of the world's HTTPS server.
  const authority = await Authority.create(["test"]);
  const { certificate, key } = await authority.issue("*.world.test");
  await Deno.writeTextFile(`${folder.path}/cert.pem`, certificate);
  await Deno.writeTextFile(`${folder.path}/key.pem`, key);
  await Deno.writeTextFile(`${folder.path}/ca.pem`, authority.certificate);
  const serve = `ip link set lo up && ip address add ${WORLD}/24 dev eth0 && ip link set eth0 up &&
    exec "${Deno.execPath()}" run -A --unstable-net --no-check --cached-only "${NETWORK}/world.ts" ${WORLD} ${SIZE} "${folder.path}"`;
  world = new Process(program, { args: ["world0", "sh", "-c", serve], timeoutMs: 1_200_000 });
  await world.untilStdout(/up\n/);
  const attach = "ip address add 9.9.9.9/24 dev world0 && ip link set world0 up";
  assertCode(await runProcess("sh", { args: ["-c", attach] }), 0);
});

Deno.test.afterAll(async () => {
  world?.kill("SIGKILL");
  await world?.outcome;
  folder[Symbol.dispose]();
});

/** Starts a server on every address of the host, or on `hostname`. */
function serve(hostname = "0.0.0.0") {
  const requests: string[] = [];
  const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, async (request) => {
    requests.push(await request.text());
    return new Response("from the host");
  });
  return { port: server.addr.port, requests, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Returns the host's addresses, the loopback address first. */
function hostAddresses(): string[] {
  const others = Deno.networkInterfaces().filter(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  return ["127.0.0.1", ...others.map(({ address }) => address)];
}

test("run --net reaches public servers by TCP, UDP and name, and loses no data in either direction", async () => {
  const script = `cat /etc/resolv.conf; ip route; ping -c 1 -W 20 ${GATEWAY} >/dev/null && echo pinged
    nslookup example.test ${GATEWAY} | grep -c "Address.*${WORLD}"
    nslookup example.test ${WORLD} | grep -c "Address: ${WORLD}"
    nc ${WORLD} 80 </dev/null >/tmp/file; sha256sum </tmp/file; nc ${WORLD} 81 </tmp/file`;
  const outcome = await smolvm(["run", "--net", "--dns", WORLD, rootfs, "sh", "-c", script]);
  assertCode(outcome, 0);
  const [server, route, link, pinged, byGateway, direct, downloaded, uploaded] = outcome.stdout.split("\n");
  assert.equal(server, `nameserver ${GATEWAY}`);
  assert.match(`${route}\n${link}`, /default via 192\.168\.127\.1 dev eth0/);
  assert.deepEqual([pinged, byGateway, direct], ["pinged", "1", "1"]);
  const [sum] = downloaded!.split(" ");
  assert.match(sum!, /^[0-9a-f]{64}$/);
  assert.equal(uploaded, `${SIZE} ${sum}`);
});

test("run --net delivers the last data of its command, although the machine ends with the command", async () => {
  // The server answers after it has received everything; by then the guest is gone.
  const script = `head -c 300000 /dev/zero | nc ${WORLD} 81 & sleep 1`;
  assertCode(await smolvm(["run", "--net", rootfs, "sh", "-c", script]), 0);
});

test("run --net cannot reach the host, its networks or the metadata service, and fails at once", async () => {
  await using server = serve();
  const closed = [GATEWAY, ...hostAddresses().slice(1), "169.254.169.254", "10.1.2.3", "192.168.127.9", "240.0.0.1"];
  const attempts = closed.map((host) => `nc -w 60 ${host} ${server.port} </dev/null 2>&1`).join("\n");
  const script = `${attempts}
    for name in rebind.test meta.test; do nc -w 60 $name ${server.port} </dev/null 2>&1; done
    nc 127.0.0.1 ${server.port} </dev/null 2>&1`;
  const outcome = await smolvm(["run", "--net", "--dns", WORLD, rootfs, "sh", "-c", script]);
  const lines = outcome.stdout.trim().split("\n");
  for (const [index, host] of closed.entries()) assert.match(lines[index]!, NO_ROUTE, host);
  // A name that resolves to the loopback leads to the guest itself.
  const [rebound, metadata, loopback] = lines.slice(closed.length);
  assert.match(rebound!, /Connection refused/);
  assert.match(metadata!, NO_ROUTE);
  assert.match(loopback!, /Connection refused/);
  assert.deepEqual(server.requests, []);
});

test("run --net pings what its rules allow, if the host allows its user to ping", async () => {
  const closed = [hostAddresses()[1]!, "169.254.169.254", "10.1.2.3"];
  const script = `for host in ${[WORLD, ...closed].join(" ")}; do
      ping -c 1 -s 3000 -W 5 $host 2>&1 | sed -n 's/.* \\([0-9]*%\\) packet loss.*/\\1/p' >/tmp/$host &
    done; wait; cat ${[WORLD, ...closed].map((host) => `/tmp/${host}`).join(" ")}`;
  const lost = async (...rules: string[]) => {
    const outcome = await smolvm(["run", ...rules, "--dns", WORLD, rootfs, "sh", "-c", script]);
    return outcome.stdout.trim().split("\n").map((line) => parseInt(line));
  };
  // This changes the whole host: an emulated machine, or one that is used only for tests.
  const range = "/proc/sys/net/ipv4/ping_group_range";
  const before = await Deno.readTextFile(range);
  try {
    await Deno.writeTextFile(range, "0 0");
    assert.deepEqual(await lost("--net"), [0, 100, 100, 100]);
    assert.deepEqual(await lost("--allow-net", `${WORLD}:80`), [100, 100, 100, 100]);
    await Deno.writeTextFile(range, "1 0");
    assert.deepEqual(await lost("--net"), [100, 100, 100, 100]);
  } finally {
    await Deno.writeTextFile(range, before);
  }
});

test("run --allow-net allows only what its rules name, including the host's loopback", async () => {
  await using server = serve();
  await using other = serve();
  const rules = ["--allow-net", `shop.test:81,*.cdn.test,host:${server.port}`, "--deny-net", "bad.cdn.test"];
  const ask = (host: string, port: number) => `echo x | nc -w 60 ${host} ${port} 2>&1 | head -n 1; echo`;
  const script = `wget -q -O - http://host.smolvm.internal:${server.port}/; echo
    ${ask("host.smolvm.internal", other.port)}
    ${ask(WORLD, 81)}
    ${ask("other.test", 81)}
    ${ask("bad.cdn.test", 81)}
    ${ask("shop.test", 80)}
    ${ask("shop.test", 81)}
    ${ask("a.cdn.test", 81)}`;
  const outcome = await smolvm(["run", ...rules, "--dns", WORLD, rootfs, "sh", "-c", script]);
  const lines = outcome.stdout.split("\n").filter((line) => line !== "");
  const expected = [/^from the host$/, NO_ROUTE, NO_ROUTE, /bad address|not known/, /bad address|not known/, NO_ROUTE];
  for (const [index, pattern] of expected.entries()) assert.match(lines[index]!, pattern, `line ${index}`);
  assert.deepEqual(lines.slice(expected.length).map((line) => line.split(" ")[0]), ["2", "2"]);
  assert.deepEqual([server.requests, other.requests], [[""], []]);
});

test("run --allow-net host:PORT reaches only that port of the host's ::1 by IPv6", async () => {
  await using server = serve("::1");
  const connect = (host: string, port: number) => `nc -w 60 ${host} ${port} </dev/null 2>&1 | head -n 1`;
  const script = `ip -6 route | grep -c "default via ${GATEWAY6} dev eth0"
    ping -6 -c 1 -W 20 ${GATEWAY6} >/dev/null && echo pinged
    wget -q -O - "http://[${GATEWAY6}]:${server.port}/"; echo
    ${connect(GATEWAY6, server.port - 1)}
    ${connect("fd00:ec2::254", 80)}`;
  const outcome = await smolvm(["run", "--allow-net", `host:${server.port},::/0`, rootfs, "sh", "-c", script]);
  assertCode(outcome, 0);
  const [route, pinged, answer, ...refused] = outcome.stdout.trim().split("\n");
  assert.deepEqual([route, pinged, answer], ["1", "pinged", "from the host"]);
  assert.equal(refused.length, 2);
  for (const line of refused) assert.match(line, /Permission denied/);
});

test("run --net logs what it refuses, and reports a killed gateway and continues without a network", async () => {
  const script =
    `nc -w 5 10.1.2.3 99 </dev/null; nslookup bad.test ${GATEWAY}; nc ${WORLD} 80 </dev/null >/dev/null; echo up; read go
    until ! nc -w 5 ${WORLD} 81 </dev/null >/dev/null 2>&1; do sleep 1; done; echo cut off; cat`;
  const options = ["--name", "web", "--net", "--deny-net", "bad.test", "--dns", WORLD, "--net-connections", "50"];
  await using machine = suite.start(["run", "-i", ...options, rootfs, "sh", "-c", script]);
  await machine.untilStdout(/up\n/);
  const refused = ["denied tcp 10.1.2.3:99: no rule", "denied dns bad.test: rule bad.test"];
  const log = await smolvm(["logs", "--network", "web"]);
  for (const line of refused) assert.ok(log.stdout.split("\n").includes(line), log.stdout);
  const [{ network }] = JSON.parse((await smolvm(["inspect", "web"])).stdout);
  assert.ok(network.counters.receivedBytes > SIZE && network.counters.denied >= 2, JSON.stringify(network));
  assert.deepEqual([network.error, network.denials[0].address], [null, "10.1.2.3"]);
  const [stats] = JSON.parse((await smolvm(["stats", "--no-stream", "--format", "json", "web"])).stdout);
  assert.ok(stats.netReceivedBytes > SIZE && stats.netSentBytes > 0 && stats.netDenied >= 2, JSON.stringify(stats));
  const [gateway] = gatewaysOf(suite.runtime);
  assert.ok(gateway);
  Deno.kill(gateway, "SIGKILL");
  await machine.write("go on\n");
  await machine.untilStdout(/cut off\n/);
  const ended = "its gateway was ended by signal 9 (Killed)";
  await machine.untilStderr(new RegExp(`The network of machine "web" has ended: ${ended.replace(/[()]/g, "\\$&")}`));
  assert.ok((await smolvm(["logs", "--network", "web"])).stdout.endsWith(`the network ended: ${ended}\n`));
  await machine.write("still there\n");
  const outcome = await machine.finish();
  assert.match(outcome.stdout, /still there\n$/);
});

test("run --secret lets a guest use a secret that it never sees, only with the hosts named for it", async () => {
  const root = `${suite.folder}/openssl`;
  await buildRootfs(root);
  await copyProgram("/usr/bin/openssl", root, "openssl");
  const value = "s3cr3t-of-the-host";
  const places = "/etc /run /tmp /root /usr/local /proc/[0-9]*/environ /proc/[0-9]*/cmdline";
  // The brackets keep the pattern from matching its own text.
  const script = `echo "$TOKEN"; grep -rl 's[3]cr3t' ${places} 2>/dev/null
    ask() {
      printf 'GET /%s HTTP/1.1\\r\\nHost: %s\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' "$1" "$2" "$TOKEN" |
        timeout 60 openssl s_client -quiet $3 -servername "$2" -connect "$2:443" 2>/dev/null | tail -n 1; echo
    }
    ask one api.world.test "-verify_return_error -CAfile $SSL_CERT_FILE"
    ask two other.world.test`;
  const options = ["--dns", WORLD, "--secret", "TOKEN@api.world.test=env:HOST_TOKEN"];
  const outcome = await smolvm(["run", "--net", ...options, root, "sh", "-c", script], {
    env: { HOST_TOKEN: value, SSL_CERT_FILE: `${folder.path}/ca.pem` },
    timeoutMs: 200_000,
  });
  assertCode(outcome, 0);
  const [placeholder, ...answers] = outcome.stdout.trimEnd().split("\n");
  assert.match(placeholder!, /^smolvm-secret-[0-9a-f]{32}$/);
  assert.deepEqual(answers, ["/one", "/two"]);
  const [seen] = await world!.untilStdout(/"GET \/one .*\n"GET \/two .*\n/);
  const [one, two] = seen.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(one.includes(`Bearer ${value}\r\n`), one);
  assert.ok(two.includes(`Bearer ${placeholder}\r\n`), two);
}, { timeoutMs: 400_000 });

test(
  "run --network connects the machines of a network by name, alias and address, also after a restart, and no others",
  async () => {
    using _ = setEnv(suite.env);
    for (const network of ["app", "other"]) await Networks.create(network);
    // In a network, a machine's own name resolves to its address in the network.
    const serve = `ping -c 1 -W 60 $(hostname) >/dev/null
    nc -ll -p 99 -e sh -c 'echo "$(hostname) $(head -c 300000 | wc -c)"'`;
    const options = ["--network", "app", "--network-alias", "primary.sql"];
    await create("db", ...options, rootfs, "sh", "-c", serve);
    await start("db");
    const ask = `ask() { head -c 300000 /dev/zero | nc -w 60 $1 99 2>&1; }
    until ask db | grep -q 300000; do sleep 1; done`;
    // This machine is in both networks, but does not connect them.
    const script =
      `nc -ll -p 98 -e echo "web is here" & ${ask}; ask db; ask primary.sql.app; ask 10.127.0.2; nc -w 5 ${WORLD} 80 2>&1
    read go; ${ask}; echo again; ask db; cat`;
    await using visitor = suite.start([
      "run",
      "-i",
      "--name",
      "web",
      "--network",
      "app",
      "--network",
      "other",
      rootfs,
      "sh",
      "-c",
      script,
    ]);
    const [first] = await visitor.untilStdout(/(db 300000\n){3}.*\n/);
    assert.match(first, NO_ROUTE, "the world is not reachable");
    const { members } = await Networks.inspect("app");
    const found = members.map(({ name, address }) => `${name} ${address}`);
    assert.deepEqual(found, ["db 10.127.0.2", "web 10.127.0.3"]);
    assertCode(await smolvm(["restart", "--timeout", "0", "db"]), 0);
    await visitor.write("go\n");
    await visitor.untilStdout(/again\ndb 300000\n/);
    const there = [["db", 99], ["10.127.0.2", 99], ["10.127.0.3", 98], ["web", 98], ["10.127.1.2", 98]];
    const hosts = there.map(([host, port]) => `nc -w 60 ${host} ${port} </dev/null 2>&1`).join("\n");
    // A route through the machine that is in both networks does not work.
    const detour = "ip route add 10.127.0.0/24 via 10.127.1.2; nc -w 5 10.127.0.2 99 </dev/null 2>&1 | head -n 1";
    const stranger = await smolvm(["run", "--network", "other", rootfs, "sh", "-c", `${hosts}\n${detour}`]);
    const seen = /(bad address|not known).*\n(.*No route to host\n){2}(web is here\n){2}(?!db)/;
    assert.match(stranger.stdout, seen);
    assert.doesNotMatch(stranger.stdout, /db 0/);
    await visitor.finish();
    await remove("db");
    for (const network of ["app", "other"]) await Networks.remove(network);
  },
  { timeoutMs: 400_000 },
);

test("run --net ends its gateway when its VM is killed", async () => {
  await using machine = suite.start(["run", "-i", "--net", rootfs, "sh", "-c", "echo up; cat"]);
  await machine.untilStdout(/up\n/);
  assert.equal(gatewaysOf(suite.runtime).length, 1);
  const runner = pidsWith("__runner").filter((pid) => !readCommand(pid).includes("smolvm-jail"));
  for (const pid of runner) Deno.kill(pid, "SIGKILL");
  await until(() => gatewaysOf(suite.runtime).length === 0);
  await machine.outcome;
});

test("run without --net reaches only its own loopback, even with a new interface and route", async () => {
  await using server = serve();
  const attempts = hostAddresses().map((host) =>
    `wget -q -T 5 -O - http://${host}:${server.port}/ && echo reached ${host}`
  );
  const script = `ls /sys/class/net; cat /proc/net/route | tail -n +2; ls /etc/resolv.conf
    ${attempts.join("\n")}
    ip link add dummy0 type dummy; ip addr add 10.1.2.3/24 dev dummy0; ip link set dummy0 up; ip route add default dev dummy0
    ${attempts.join("\n")}
    (echo own loopback | nc -l -p 99) & sleep 1; nc 127.0.0.1 99 </dev/null`;
  const outcome = await smolvm(["run", rootfs, "sh", "-c", script]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, "lo\nown loopback\n");
  assert.deepEqual(server.requests, []);
});

test("run takes defaults from the configuration, and flags override them", async () => {
  await Deno.mkdir(`${suite.folder}/config/smolvm`, { recursive: true });
  const file = `${suite.folder}/config/smolvm/smolvm.toml`;
  // No DNS server listens at this address.
  await Deno.writeTextFile(file, 'default_cpus = 2\ndefault_mem = 300\ndefault_dns = "127.0.0.9"\n');
  const script = `nproc; awk '/^MemTotal/ {print $2}' /proc/meminfo; nslookup a.test 2>&1 | grep -c "${WORLD}"`;
  const configured = await smolvm(["run", "--net", rootfs, "sh", "-c", script]);
  const flags = ["--cpus", "1", "--memory", "200", "--net", "--dns", WORLD];
  const overridden = await smolvm(["run", ...flags, rootfs, "sh", "-c", script]);
  await Deno.remove(file);
  for (
    const [outcome, cpus, memoryMib, answers] of [[configured, "2", 300, "0"], [overridden, "1", 200, "1"]] as const
  ) {
    const [actualCpus, memoryKib, answered] = outcome.stdout.split("\n");
    assert.deepEqual([actualCpus, answered], [cpus, answers]);
    assert.ok(Math.abs(Number(memoryKib) / 1024 - memoryMib) < 30, `${memoryKib} KiB of memory`);
  }
});

/** Returns the gateways of the machines whose sockets are below a folder. */
function gatewaysOf(runtime: string): number[] {
  return pidsWith("__gateway").filter((pid) => readCommand(pid).includes(runtime));
}

function pidsWith(word: string): number[] {
  return findProcesses((pid) => readCommand(pid).split("\0").includes(word));
}

function readCommand(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return ""; // It has ended.
  }
}

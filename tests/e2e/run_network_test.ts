/** What a guest reaches, with `--net` and without. */
import assert from "node:assert/strict";
import { defaultNameserver } from "../../src/host/resolver.ts";
import { assertCode } from "../helpers/process.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

const suite = vmSuite();
const { test, smolvm, rootfs } = suite;

/** A server on every address of the host. */
function serve() {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen: () => {} }, async (request) => {
    requests.push(await request.text());
    return new Response("from the host");
  });
  return { port: server.addr.port, requests, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** The addresses under which the host may be reached, its loopback's first. */
function hostAddresses(): string[] {
  const others = Deno.networkInterfaces().filter(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  return ["127.0.0.1", ...others.map(({ address }) => address)];
}

const resolvConf = (server: string) => `nameserver ${server}\n`;

test("run --net reaches servers of the host, and names the host's name server", async () => {
  await using server = serve();
  const url = `http://127.0.0.1:${server.port}/`;
  const script = `wget -q -O - --post-data "from the guest" ${url}; echo; cat /etc/resolv.conf`;
  const outcome = await smolvm(["run", "--net", rootfs, "sh", "-c", script]);
  assertCode(outcome, 0);
  assert.equal(outcome.stdout, `from the host\n${resolvConf(defaultNameserver())}`);
  assert.deepEqual(server.requests, ["from the guest"]);
});

test("run without --net reaches nothing but its own loopback, whatever it tries", async () => {
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

test("the configuration gives the defaults, and flags win over it", async () => {
  await Deno.mkdir(`${suite.folder}/config/smolvm`, { recursive: true });
  const file = `${suite.folder}/config/smolvm/smolvm.toml`;
  await Deno.writeTextFile(file, 'default_cpus = 2\ndefault_mem = 300\ndefault_dns = "192.0.2.1"\n');
  const script = "nproc; awk '/^MemTotal/ {print $2}' /proc/meminfo; cat /etc/resolv.conf";
  const configured = await smolvm(["run", "--net", rootfs, "sh", "-c", script]);
  const flags = ["--cpus", "1", "--memory", "200", "--net", "--dns", "192.0.2.2"];
  const overridden = await smolvm(["run", ...flags, rootfs, "sh", "-c", script]);
  await Deno.remove(file);
  for (
    const [outcome, cpus, memoryMib, server] of [
      [configured, "2", 300, "192.0.2.1"],
      [overridden, "1", 200, "192.0.2.2"],
    ] as const
  ) {
    assertCode(outcome, 0);
    const [actualCpus, memoryKib, ...rest] = outcome.stdout.split("\n");
    assert.equal(actualCpus, cpus);
    assert.ok(Math.abs(Number(memoryKib) / 1024 - memoryMib) < 30, `${memoryKib} KiB of memory`);
    assert.equal(rest.join("\n"), resolvConf(server));
  }
});

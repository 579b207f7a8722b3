// How a gateway uses the server name that a guest sends: rules by name, and secrets. The gateway runs in its own
// network namespace, which is connected to another namespace ("world") with servers.
import assert from "node:assert/strict";
import { Authority } from "../../src/network/certificates.ts";
import { encodeGatewayConfig, gatewayConfigFile, gatewaySocket } from "../../src/network/config.ts";
import { describeEvent, parseEvent } from "../../src/network/events.ts";
import { authorityFile, encodeSecretValues, type GatewaySecret } from "../../src/network/secret.ts";
import { gatewayCommand } from "../../src/runner/entry.ts";
import { exists } from "../../src/host/files.ts";
import { secretsFile } from "../../src/host/secrets_file.ts";
import { assertCode, Process, runProcess } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { buildTapGuest, sendGuest } from "./kernel_guest.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const [WORLD, GATEWAY] = ["9.9.9.10", "192.168.127.1"];
const SECRET: GatewaySecret = {
  name: "TOKEN",
  hosts: ["api.world.test", "*.more.test"],
  placeholder: "smolvm-placeholder-1",
};
const VALUE = "s3cr3t$&";

const folder = makeTempFolder();
let program = "";
let namespace: Process;
let world: Process;
/** The CA of the world's servers. */
let publicAuthority: Authority;

/** Returns the command to run `args` in the gateway's network namespace. */
const inside = (args: string[]): [string, string[]] => ["nsenter", [`--net=/proc/${namespace.pid}/ns/net`, ...args]];

Deno.test.beforeAll(async () => {
  program = await buildTapGuest(folder.path);
  const source = `${HERE}tap_world.c`;
  const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2"];
  assertCode(await runProcess("gcc", { args: [...flags, "-o", `${folder.path}/tap_world`, source] }), 0);
  publicAuthority = await Authority.create(["test"]);
  const { certificate, key } = await publicAuthority.issue("*.world.test");
  await Deno.writeTextFile(`${folder.path}/cert.pem`, certificate);
  await Deno.writeTextFile(`${folder.path}/key.pem`, key);
  namespace = new Process("unshare", { args: ["--net", "sh", "-c", "ip link set lo up; echo up; exec sleep 600"] });
  await namespace.untilStdout(/up/);
  const serve = `ip link set lo up && ip address add ${WORLD}/24 dev eth0 && ip link set eth0 up &&
    exec "${Deno.execPath()}" run -A --unstable-net --no-check --cached-only "${HERE}world.ts" ${WORLD} 10 ${folder.path}`;
  const [command, args] = inside([`${folder.path}/tap_world`, "world0", "sh", "-c", serve]);
  world = new Process(command, { args });
  await world.untilStdout(/up\n/);
  const [attach, words] = inside(["sh", "-c", "ip address add 9.9.9.9/24 dev world0 && ip link set world0 up"]);
  assertCode(await runProcess(attach, { args: words }), 0);
});

Deno.test.afterAll(async () => {
  for (const process of [world, namespace]) {
    process.kill("SIGKILL");
    await process.outcome;
  }
  folder[Symbol.dispose]();
});

/** Starts a gateway for one guest. */
async function startGateway(
  allow: string[],
  { deny = [] as string[], secrets = [] as GatewaySecret[], trusted = true } = {},
) {
  const runtimeFolder = await Deno.makeTempDir({ dir: folder.path });
  const config = {
    allow,
    deny,
    nameservers: [WORLD],
    secrets,
    limits: { bytesPerSecond: null, connections: null },
    published: [],
    memberships: [],
  };
  await Deno.writeTextFile(gatewayConfigFile(runtimeFolder), encodeGatewayConfig(config));
  const caCerts = trusted ? [publicAuthority.certificate] : [];
  const values = encodeSecretValues({ values: { TOKEN: VALUE }, caCerts });
  if (secrets.length > 0) await Deno.writeTextFile(secretsFile(runtimeFolder), values);
  const { argv, env } = gatewayCommand(runtimeFolder, {
    deniedHosts: ["127.0.0.0/8"],
    files: [secretsFile(runtimeFolder)],
  });
  const [command, args] = inside(argv);
  const process = new Process(command, { args, env });
  await until(() => exists(gatewaySocket(runtimeFolder)));
  const own = secrets.length > 0 ? Deno.readTextFileSync(authorityFile(runtimeFolder)) : "";
  const ask = (port: number, names: string, request: string, ca = "") =>
    sendGuest(gatewaySocket(runtimeFolder), {
      program,
      scenario: "ask",
      hostname: GATEWAY,
      port,
      words: [names, request, ca],
    });
  const told = async () =>
    (await process.outcome).stdout.trimEnd().split("\n").map((line) => describeEvent(parseEvent(line)!));
  return { runtimeFolder, own, ask, told, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

const get = (host: string, headers = "") => `GET /path HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`;

Deno.test("a rule by name checks the server name that the guest sends, not only the address", async () => {
  const ca = publicAuthority.certificate;
  const table: [port: number, names: string, host: string, ca: string, answer: RegExp][] = [
    [443, "api.world.test", "api.world.test", ca, /200 OK.*\/path$/s],
    [443, "api.world.test other.world.test", "other.world.test", ca, /reset|close_notify|Unexpected/i],
    [8080, "api.world.test", "api.world.test", "", /200 OK.*\/path$/s],
    [8080, "api.world.test", "api.world.test:8080", "", /200 OK.*\/path$/s],
    [8080, "api.world.test", "other.world.test", "", /reset/i],
  ];
  for (const [port, names, host, ca, answer] of table) {
    await using gateway = await startGateway(["api.world.test"]);
    assert.match(String(await gateway.ask(port, names, get(host), ca)), answer, `${port} ${names} ${host}`);
    const told = (await gateway.told()).slice(0, -1);
    const isRefused = /other/.test(`${names} ${host}`);
    assert.deepEqual(told, isRefused ? [`denied tcp ${WORLD}:${port} (other.world.test): no rule`] : []);
  }
});

Deno.test("a deny rule by name checks the server name that the guest sends", async () => {
  await using gateway = await startGateway(["public"], { deny: ["ads.world.test"] });
  assert.match(String(await gateway.ask(8080, "api.world.test", get("ads.world.test"))), /reset/i);
  assert.equal((await gateway.told())[0], `denied tcp ${WORLD}:8080 (ads.world.test): rule ads.world.test`);
});

Deno.test("QUIC is refused only where rules need the server's name", async () => {
  const table: [allow: string, port: number, told: string[]][] = [
    ["api.world.test", 443, [
      `denied udp ${WORLD}:443: QUIC hides the name of its server, which rules or secrets need`,
    ]],
    [`api.world.test,${WORLD}`, 443, []],
    ["public", 443, []],
    ["api.world.test", 444, [`denied udp ${WORLD}:444: no rule`]],
  ];
  for (const [allow, port, told] of table) {
    await using gateway = await startGateway(allow.split(","));
    const errand = { program, scenario: "sendDatagram", hostname: WORLD, port };
    assert.equal(await sendGuest(gatewaySocket(gateway.runtimeFolder), errand), "sent");
    assert.deepEqual((await gateway.told()).slice(0, -1), told, `${allow} ${port}`);
  }
});

/** Returns the requests to the servers since the last call, up to a request with that header. */
async function askedUntil(header: string): Promise<string[]> {
  const [text] = await world.untilStdout(new RegExp(`[^]*?${header}.*\\n`));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("a secret replaces its placeholder only in headers for its host", async () => {
  const bearer = `Authorization: Bearer ${SECRET.placeholder}\r\n`;
  const ask = async (port: number, names: string, headers: string, ca?: string) => {
    await using gateway = await startGateway(["public"], { secrets: [SECRET] });
    assert.equal(exists(secretsFile(gateway.runtimeFolder)), false);
    const [name = ""] = names.split(" ").reverse();
    const answer = await gateway.ask(port, names, get(name, `X-Last: 1\r\n${headers}`), ca ?? gateway.own);
    assert.match(String(answer), /200 OK.*\/path$/s);
    assert.deepEqual((await gateway.told()).slice(0, -1), []);
    return (await askedUntil("X-Last")).slice(-1);
  };
  const sent = (headers: string) => [get("api.world.test", `X-Last: 1\r\n${headers}Connection: close\r\n`)];
  assert.deepEqual(await ask(443, "api.world.test", bearer), sent(`Authorization: Bearer ${VALUE}\r\n`));
  const basic = (word: string) => `Authorization: Basic ${btoa(`user:${word}`)}\r\n`;
  assert.deepEqual(await ask(443, "api.world.test", basic(SECRET.placeholder)), sent(basic(VALUE)));
  // With another name at the same address, or without TLS, the request is forwarded unchanged.
  const publicCa = publicAuthority.certificate;
  assert.deepEqual(await ask(443, "api.world.test plain.world.test", bearer, publicCa), [
    get("plain.world.test", `X-Last: 1\r\n${bearer}`),
  ]);
  assert.deepEqual(await ask(8080, "api.world.test", bearer, ""), [get("api.world.test", `X-Last: 1\r\n${bearer}`)]);
});

Deno.test("a secret is sent only to a server with a valid certificate for its host", async () => {
  const request = get("api.world.test", `Authorization: Bearer ${SECRET.placeholder}\r\n`);
  {
    await using gateway = await startGateway(["public"], { secrets: [SECRET], trusted: false });
    const answer = String(await gateway.ask(443, "api.world.test", request, gateway.own));
    assert.match(answer, /502 Bad Gateway.*smolvm: .*certificate/is);
    assert.match((await gateway.told())[0]!, /^denied tcp 9\.9\.9\.10:443 \(api\.world\.test\): .*certificate/i);
  }
  await using gateway = await startGateway(["public"]);
  await gateway.ask(8080, "api.world.test", get("api.world.test", "X-Mark: 1\r\n"));
  assert.equal((await askedUntil("X-Mark")).length, 1);
});

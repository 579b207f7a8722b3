// The gateway process, as smolvm-jail starts it, with a guest that uses the host's kernel.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { addressesFile, encodeGatewayConfig, gatewayConfigFile, gatewaySocket } from "../../src/network/config.ts";
import { describeEvent, type NetworkDenial, type NetworkEnd, parseEvent } from "../../src/network/events.ts";
import { GUEST_LINK } from "../../src/network/guest_link.ts";
import { parseIpv6Address } from "../../src/network/ipv6.ts";
import { hostsToDeny } from "../../src/network/machine_rules.ts";
import { connectToGateway, readCounters } from "../../src/network/status.ts";
import { gatewayCommand } from "../../src/runner/entry.ts";
import { exists } from "../../src/host/files.ts";
import { Process } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { type GatewaySettings, NO_LIMITS, startGateway as startGatewayProcess } from "./gateway_process.ts";
import { frameOfIpv6 } from "./fake_guest.ts";
import { buildTapGuest, type Errand } from "./kernel_guest.ts";

const GATEWAY = "192.168.127.1";
const GATEWAY6 = "fd73:6d6f:6c76:6d00::1";
const SIZE = 300_000;
const folder = makeTempFolder();
let program = "";

Deno.test.beforeAll(async () => {
  program = await buildTapGuest(folder.path);
});
Deno.test.afterAll(() => folder[Symbol.dispose]());

/** Describes the events that a gateway printed. */
function toldBy(stdout: string): string[] {
  return stdout.trimEnd().split("\n").map((line) => describeEvent(parseEvent(line)!));
}

/** Starts a gateway with those rules. It runs until its guest closes the link or its standard input ends. */
const startGateway = (allow: string[], settings?: GatewaySettings) =>
  startGatewayProcess({ program, folder: folder.path }, allow, settings);

Deno.test("a gateway relays datagrams of any size to an allowed loopback, and exits with its guest", async () => {
  const server = createSocket("udp4").on("message", (data, from) => server.send(data, from.port, from.address));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await using gateway = await startGateway([`host:${port}`]);
  const result = await gateway.send({ scenario: "udpEcho", hostname: GATEWAY, port, size: 60_000 });
  assert.deepEqual(result, [0, 1, 1400, 9000, 60_000]);
  const { stdout, stderr } = await gateway.process.outcome;
  assert.equal(stderr, "");
  // Each datagram in both directions, and ARP.
  const { counters } = parseEvent(stdout) as NetworkEnd;
  assert.ok(counters!.sentBytes > 60_000 + 9000 && counters!.receivedBytes > 60_000 + 9000, stdout);
  assert.ok(counters!.sentPackets >= 6 && counters!.receivedPackets >= 6, stdout);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

Deno.test("a gateway delivers the guest's last data after the guest has stopped", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let bytes = 0;
  const sent = Promise.withResolvers<void>();
  const serving = (async () => {
    using conn = await listener.accept();
    // Read only when the guest has ended: until then its data fills the buffers on the way.
    await sent.promise;
    const buffer = new Uint8Array(65_536);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) bytes += count;
  })();
  const { port } = listener.addr;
  await using gateway = await startGateway([`host:${port}`]);
  await gateway.send({ scenario: "sendAndEnd", hostname: GATEWAY, port, size: SIZE });
  sent.resolve();
  await serving;
  assert.equal(bytes, SIZE);
  await gateway.process.outcome;
});

Deno.test("a gateway refuses destinations that no rule allows, and logs the refusals", async () => {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = listener.addr;
  const own = Deno.networkInterfaces().find(({ address }) => /^\d+\./.test(address) && !address.startsWith("127."));
  for (const hostname of [GATEWAY, "169.254.169.254", "10.1.2.3", ...own ? [own.address] : []]) {
    await using gateway = await startGateway(["public"]);
    const result = await gateway.send({ scenario: "fails", hostname, port });
    assert.match(JSON.stringify(result), /No route to host.*"isQuick":true/, hostname);
    const [denial, end, ...others] = toldBy((await gateway.process.outcome).stdout);
    assert.match(denial!, new RegExp(`^denied tcp ${hostname}:${port}: .+$`));
    assert.match(end!, /^ended: .+ 0 connections, [1-9]\d* denied$/);
    assert.deepEqual(others, []);
  }
});

Deno.test("a gateway relays IPv6 to an allowed loopback, and refuses other addresses at once", async () => {
  const server = createSocket("udp6").on("message", (data, from) => server.send(data, from.port, from.address));
  await new Promise<void>((resolve) => server.bind(0, "::1", resolve));
  const { port } = server.address();
  using listener = Deno.listen({ hostname: "::1", port });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.write(new TextEncoder().encode("by IPv6"));
  })();
  const start = () => startGateway([`host:${port}`, "private"]);
  {
    await using gateway = await start();
    const result = await gateway.send({ scenario: "udpEcho", hostname: GATEWAY6, port, size: 60_000 });
    assert.deepEqual(result, [0, 1, 1400, 9000, 60_000]);
  }
  {
    await using gateway = await start();
    const result = await gateway.send({ scenario: "download", hostname: GATEWAY6, port });
    assert.equal((result as { bytes: number }).bytes, 7);
    await serving;
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const own = Deno.networkInterfaces().find(({ address }) => /^(fd|2)[0-9a-f]*:/.test(address));
  for (const hostname of ["fd00:ec2::254", ...own ? [own.address] : []]) {
    await using gateway = await start();
    const result = await gateway.send({ scenario: "fails", hostname, port });
    assert.match(JSON.stringify(result), /Permission denied.*"isQuick":true/, hostname);
    const [denial] = toldBy((await gateway.process.outcome).stdout);
    assert.ok(denial!.startsWith(`denied tcp [${hostname}]:${port}: `), denial);
  }
});

Deno.test("a gateway refuses IPv6 addresses that stand for the host's loopback", async () => {
  using listener = Deno.listen({ hostname: "::", port: 0 });
  const { port } = listener.addr;
  const accepted: Deno.Conn[] = [];
  (async () => {
    for await (const conn of listener) accepted.push(conn);
  })().catch(() => {}); // The end of the test closes the listener.
  // With a rule for the loopback, Deno's permissions allow the gateway to reach all of it.
  await using gateway = await startGateway(["::/0", "host:9"]);
  using link = await Deno.connect({ transport: "unix", path: gatewaySocket(gateway.runtimeFolder) });
  const addresses = ["::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "fe80::1"];
  const syn = new Uint8Array(20);
  new DataView(syn.buffer).setUint16(2, port);
  syn.set([4, 210], 0);
  syn.set([0x50, 2], 12);
  for (const address of addresses) {
    const frame = frameOfIpv6(syn, { protocol: 6, remote: parseIpv6Address(address)! });
    await link.write(new Uint8Array([0, 0, 0, frame.length, ...frame]));
  }
  const answers: number[][] = [];
  const buffer = new Uint8Array(65_536);
  while (answers.length < addresses.length) {
    const count = await link.read(buffer);
    assert.ok(count !== null);
    // The next header, and the type and code of the ICMPv6 message.
    for (let at = 0; at < count; at += 4 + new DataView(buffer.buffer).getUint32(at)) {
      answers.push([buffer[at + 24]!, buffer[at + 58]!, buffer[at + 59]!]);
    }
  }
  assert.deepEqual(answers, addresses.map(() => [58, 1, 1]));
  assert.deepEqual(accepted, []);
});

Deno.test("a gateway's name server resolves only names that a rule allows", async () => {
  await using gateway = await startGateway(["*.test"], { deny: ["7.test"], nameservers: ["127.0.0.1"] });
  const result = await gateway.send({ scenario: "resolve", hostname: GATEWAY, port: 7 });
  assert.match(String(result), /no record|NotFound/i);
  const [denial] = (await gateway.process.outcome).stdout.split("\n").map(parseEvent);
  const { time: _, ...told } = denial as NetworkDenial;
  const expected = { event: "denied", protocol: "dns", address: null, port: null, names: ["7.test"], count: 1 };
  assert.deepEqual(told, { ...expected, reason: "rule 7.test", rule: "7.test" });
});

Deno.test("a gateway exits when its standard input ends, and when its guest breaks the framing", async () => {
  {
    await using gateway = await startGateway(["public"]);
    assert.equal((await gateway.process.finish()).code, 0);
  }
  await using gateway = await startGateway(["public"]);
  using link = await Deno.connect({ transport: "unix", path: gatewaySocket(gateway.runtimeFolder) });
  await link.write(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
  assert.deepEqual(toldBy((await gateway.process.outcome).stdout), [
    "the network ended: invalid frame length: 4294967295 bytes",
  ]);
});

Deno.test("a gateway sends its counters to every client, until it exits", async () => {
  await using gateway = await startGateway(["public"]);
  using link = await Deno.connect({ transport: "unix", path: gatewaySocket(gateway.runtimeFolder) });
  // A frame with an unknown EtherType.
  await link.write(new Uint8Array([0, 0, 0, 60, ...new Uint8Array(60)]));
  let sent = 0;
  await until(async () => {
    sent = (await readCounters(gateway.runtimeFolder))?.sentBytes ?? 0;
    return sent > 0;
  });
  assert.equal(sent, 60);
  // More clients than it answers at the same time.
  const hostile = await Promise.all(Array.from({ length: 40 }, () => connectToGateway(gateway.runtimeFolder)));
  assert.equal(await readCounters(gateway.runtimeFolder), undefined);
  for (const conn of hostile) conn!.close();
  await until(async () => await readCounters(gateway.runtimeFolder) !== undefined);
  await gateway.process.finish();
  assert.equal(await readCounters(gateway.runtimeFolder), undefined);
});

Deno.test("a gateway that cannot listen reports the reason", async () => {
  const runtimeFolder = `${folder.path}/none`;
  const { argv: [command, ...args], env } = gatewayCommand(runtimeFolder, { deniedHosts: ["127.0.0.0/8"] });
  await using process = new Process(command!, { args, env });
  assert.match(toldBy((await process.outcome).stdout).join(), /^the network ended: .*No such file or directory/);
});

Deno.test("a gateway's Deno permissions deny the host's loopback, programs, files and libraries", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const attacks = {
    loopback: `await Deno.connect({ port: ${listener.addr.port} })`,
    mapped: `await Deno.connect({ hostname: "::ffff:127.0.0.1", port: ${listener.addr.port} })`,
    metadata: `await Deno.connect({ hostname: "169.254.169.254", port: 80 })`,
    program: `new Deno.Command("true").outputSync()`,
    file: `Deno.readTextFileSync("/etc/passwd")`,
    library: `Deno.dlopen("libc.so.6", {})`,
    variable: `Deno.env.get("HOME")`,
  };
  const script = `${folder.path}/attack.ts`;
  await Deno.writeTextFile(
    script,
    Object.entries(attacks).map(([name, code]) =>
      `try { ${code}; console.log("${name}: reached"); } catch (error) { console.log("${name}: " + error.name); }`
    ).join("\n"),
  );
  const { argv: [command, ...args] } = gatewayCommand(folder.path, {
    deniedHosts: hostsToDeny({ allowNet: [] }, { nameservers: ["192.0.2.1"] }),
  });
  // Run another program with the same permissions.
  const flags = args.slice(0, args.findIndex((arg) => arg.endsWith("entry.ts")));
  await using attacker = new Process(command!, { args: [...flags, script] });
  const { stdout } = await attacker.outcome;
  assert.deepEqual(
    stdout.trim().split("\n"),
    Object.keys(attacks).map((name) => `${name}: NotCapable`),
  );
});

Deno.test("a gateway with a rate limit keeps to it, and loses no data", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) conn.readable.pipeTo(conn.writable).catch(() => {});
  })();
  const { port } = listener.addr;
  const limits = { bytesPerSecond: 200 * 1024, connections: null };
  await using gateway = await startGateway([`host:${port}`], { limits });
  const start = performance.now();
  const result = await gateway.send({ scenario: "echo", hostname: GATEWAY, port, size: SIZE });
  const { sha256: _, ...bytes } = result as { bytes: number; sha256: string };
  assert.deepEqual(bytes, { bytes: SIZE });
  // Subtract the initial burst, which is not limited.
  assert.ok(performance.now() - start > (SIZE - 52 * 1024) / (200 * 1024) * 1000 * 0.9);
  listener.close();
  await serving;
});

Deno.test("a gateway with a connection limit refuses further connections, and logs that", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) conns.push(conn);
  })();
  const { port } = listener.addr;
  await using gateway = await startGateway([`host:${port}`], { limits: { bytesPerSecond: null, connections: 3 } });
  assert.equal(await gateway.send({ scenario: "open", hostname: GATEWAY, port, size: 5 }), 3);
  const { stdout } = await gateway.process.outcome;
  assert.match(toldBy(stdout)[0]!, /^denied tcp 192\.168\.127\.1:\d+: 3 connections are open$/);
  listener.close();
  await serving;
  for (const conn of conns) conn.close();
});

Deno.test("gateways relay packets by name and address between machines of one network only", async () => {
  const startIn =
    (network: string, subnet: string) =>
    async (name: string, { deny = [] as string[], aliases = [] as string[] } = {}) => {
      const path = `${folder.path}/${network}`;
      await Deno.mkdir(path, { recursive: true });
      const gateway = await startGateway([], { deny, memberships: [{ folder: path, network, subnet, name, aliases }] });
      const address = (await Deno.readTextFile(addressesFile(gateway.runtimeFolder))).trim();
      const send = (errand: Partial<Errand>) =>
        gateway.send({ scenario: "visit", hostname: GATEWAY, port: 4000, size: SIZE, address, ...errand });
      const visit = async (...words: string[]) => await send({ words }) as Record<string, string>;
      return { ...gateway, address, send, visit };
    };
  const [startInApp, startInOther] = [startIn("app", "10.127.0.0/24"), startIn("other", "10.127.1.0/24")];
  await using db = await startInApp("db", { aliases: ["Primary"] });
  const serving = db.send({ scenario: "serve" });
  await using web = await startInApp("web");
  await using denied = await startInApp("denied", { deny: ["db.app:4000", "10.127.0.3"] });
  await using stranger = await startInOther("stranger");
  const members = [db, web, denied, stranger];
  assert.deepEqual(members.map(({ address }) => address.split(".").at(-1)), ["2", "3", "4", "2"]);
  const nobody = /No route to host/;
  const noName = /no record|NotFound/i;
  const known = [db.address, "db", "db.app", "primary", "PRIMARY.app"];
  const found = await web.visit(...known, "stranger", "db.other", "10.127.0.9");
  for (const name of known) assert.equal(found[name], `${web.address} ${SIZE} 9000`, name);
  for (const name of ["stranger", "db.other"]) assert.match(found[name]!, noName, name);
  assert.match(found["10.127.0.9"]!, nobody);
  const foreign = await stranger.visit("db", "web", "10.127.0.3");
  for (const name of ["db", "web"]) assert.match(foreign[name]!, noName, name);
  assert.match(foreign["10.127.0.3"]!, nobody);
  await using next = await startInApp("next");
  assert.equal(next.address, "10.127.0.3", "the address of a stopped machine is free");
  for (const error of Object.values(await denied.visit("db", db.address, "next"))) assert.match(error, nobody);
  const told = toldBy((await denied.process.outcome).stdout);
  assert.match(
    told[0]!,
    /^denied tcp 10\.127\.0\.2:4000 \(db, db\.app, primary, primary\.app\): rule db\.app:4000$/,
  );
  await next.send({ scenario: "upload", hostname: db.address, size: 0 });
  assert.deepEqual(await serving, known.map(() => web.address));
});

Deno.test("gateways of one network drop forged addresses, fragments and other protocols", async () => {
  const path = `${folder.path}/hostile`;
  await Deno.mkdir(path);
  const start = (name: string) =>
    startGateway([], {
      memberships: [{ folder: path, network: "hostile", subnet: "10.127.0.0/24", name, aliases: [] }],
    });
  await using attacker = await start("attacker");
  await using victim = await start("victim");
  using attack = await Deno.connect({ transport: "unix", path: gatewaySocket(attacker.runtimeFolder) });
  using got = await Deno.connect({ transport: "unix", path: gatewaySocket(victim.runtimeFolder) });
  const [OWN, VICTIM, OTHER] = [0x0a7f0002, 0x0a7f0003, 0x0a7f0004];
  /** Makes a datagram whose last byte is `mark`, with some bytes changed. */
  const datagram = (mark: number, { source = OWN, to = VICTIM, changes = {} as Record<number, number> } = {}) => {
    const frame = new Uint8Array(4 + 14 + 20 + 9);
    const view = new DataView(frame.buffer);
    view.setUint32(0, frame.length - 4);
    frame.set(GUEST_LINK.gatewayMac, 4);
    frame.set(GUEST_LINK.guestMac, 10);
    view.setUint16(16, 0x0800);
    view.setUint8(18, 0x45);
    view.setUint16(20, 29);
    view.setUint8(27, 17);
    view.setUint32(30, source);
    view.setUint32(34, to);
    view.setUint16(40, 53);
    view.setUint16(42, 9);
    frame[46] = mark;
    for (const [at, byte] of Object.entries(changes)) frame[Number(at)] = byte;
    return frame;
  };
  const attacks = [
    datagram(1, { source: OTHER }),
    datagram(2, { source: VICTIM }),
    datagram(3, { source: GUEST_LINK.gateway }),
    datagram(10, { source: GUEST_LINK.guest }), // the guest's link address
    datagram(4, { to: 0x0a7f00ff }),
    datagram(5, { to: 0xffffffff }),
    datagram(6, { changes: { 24: 0x20 } }), // the first of several fragments
    datagram(7, { changes: { 27: 2 } }), // IGMP
    datagram(8, { changes: { 27: 1, 38: 5 } }), // an ICMP redirect
    datagram(9, { changes: { 4: 0xff } }), // another machine's MAC
  ];
  const buffer = new Uint8Array(65_536);
  const marks: number[] = [];
  const receiving = (async () => {
    while (!marks.includes(100)) {
      const count = await got.read(buffer);
      assert.ok(count !== null);
      for (let at = 0; at < count; at += 4 + new DataView(buffer.buffer).getUint32(at)) marks.push(buffer[at + 46]!);
    }
  })();
  // Datagrams get lost on the way: send all of them until the allowed one arrives.
  await until(async () => {
    for (const frame of [...attacks, datagram(100)]) await attack.write(frame);
    return marks.includes(100);
  }, { everyMs: 100 });
  await receiving;
  assert.deepEqual(new Set(marks), new Set([100]));
});

Deno.test("a gateway with a guest cannot open files, and without rules cannot open connections", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const main = new URL("../../src/network/main.ts", import.meta.url);
  for (const [allow, expected] of [[["public"], "connected"], [[], "NotCapable"]] as const) {
    const runtimeFolder = await Deno.makeTempDir({ dir: folder.path });
    const member = { folder: runtimeFolder, network: "app", subnet: "10.127.0.0/24", name: "web", aliases: [] };
    const config = {
      allow: [...allow],
      deny: [],
      nameservers: [],
      secrets: [],
      limits: NO_LIMITS,
      published: [],
      memberships: [member],
    };
    await Deno.writeTextFile(gatewayConfigFile(runtimeFolder), encodeGatewayConfig(config));
    const script = `${runtimeFolder}/attack.ts`;
    // Start with all permissions, as the compiled executable does.
    await Deno.writeTextFile(
      script,
      `import { serve } from ${JSON.stringify(main)};
      const onStarted = async () => {
        const connect = await Deno.connect({ port: ${listener.addr.port} }).then(() => "connected", ({ name }) => name);
        const dial = await Deno.connect({ transport: "unix", path: "${runtimeFolder}/3.sock" }).catch(({ name }) => name);
        let read = "read";
        try { Deno.readTextFileSync("${runtimeFolder}/addresses"); } catch (error) { read = error.name; }
        console.log(connect, dial, read);
      };
      await serve("${runtimeFolder}", { onStarted });`,
    );
    await using attacker = new Process(Deno.execPath(), { args: ["run", "-A", "--no-check", "--cached-only", script] });
    await until(() => exists(gatewaySocket(runtimeFolder)));
    using _link = await Deno.connect({ transport: "unix", path: gatewaySocket(runtimeFolder) });
    assert.equal((await attacker.untilStdout(/.*\n/))[0], `${expected} NotCapable NotCapable\n`);
  }
});

/** Published ports: which servers of a guest the host reaches, and which not. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readChunks, writeAll } from "../../src/host/streams.ts";
import { freePort } from "../helpers/free_port.ts";
import { machineCommands } from "../helpers/machine_commands.ts";
import { assertCode } from "../helpers/process.ts";
import { SOFTWARE } from "../helpers/software.ts";
import { until } from "../helpers/until.ts";
import { vmSuite } from "../helpers/vm_suite.ts";

// Not below /dev: Deno denies the gateway files there, as it lacks --allow-all.
const suite = vmSuite({ parent: "/tmp" });
const { test, smolvm, rootfs } = suite;
const { create, start, stop, remove, listed } = machineCommands(suite);

const LARGE = 2 * 1024 * 1024;

function listen(port: number): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port });
}

function connect(port: number, hostname = "127.0.0.1"): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

/** Reads from a peer until it closes the connection. */
async function readAll(conn: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  return await new Blob(await Array.fromAsync(readChunks(conn)) as BlobPart[]).bytes();
}

/** Sends `data`, closes the sending side, and returns the peer's answer. */
async function ask(conn: Deno.TcpConn, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  using _ = conn;
  const sent = writeAll(conn, data).then(() => conn.closeWrite());
  const [answer] = await Promise.all([readAll(conn), sent]);
  return answer;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const hash = async (bytes: BufferSource) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();

/** Runs a test with a machine that publishes ports, once its servers are up. */
async function withServer(args: string[], script: string, body: () => Promise<void>): Promise<void> {
  await using machine = suite.start(["run", "--init", ...args, rootfs, "sh", "-c", `${script}\necho up; cat`]);
  await machine.untilStdout(/up\n/);
  await body();
  machine.kill("SIGTERM");
  await machine.outcome;
}

/** Starts a server of the files in /srv, and one that answers with the number of bytes that it received. */
const SERVERS = (web: string, count: string) =>
  `mkdir /srv; echo "from the guest" > /srv/index.html; httpd -h /srv -p ${web}; nc -ll -p ${count} -e wc -c &
  until netstat -ltn | grep -q ':${count} '; do sleep 0.1; done`;

test("a published port leads to a server in the guest, which needs no network", async () => {
  const [web, count] = [freePort(), freePort()];
  await withServer(["-i", "-p", `${web}:80`, "-p", `[::1]:${count}:81`], SERVERS("127.0.0.1:80", "81"), async () => {
    assert.equal(await (await fetch(`http://127.0.0.1:${web}/`)).text(), "from the guest\n");
    assert.equal(text(await ask(await connect(count, "::1"), new Uint8Array(5000))), "5000\n");
    await assert.rejects(connect(web, "127.0.0.2"), Deno.errors.ConnectionRefused);
    await assert.rejects(connect(count), Deno.errors.ConnectionRefused);
  });
});

test("with --net, a published port also leads to the guest, and no other port of the host does", async () => {
  const [web, count, secret] = [freePort(), freePort(), freePort()];
  // The guest uses the same port numbers as the host: its servers must not conflict with the host's listeners.
  const servers = `${
    SERVERS(`0.0.0.0:${web}`, `${count}`)
  }; httpd -h /srv -p 0.0.0.0:${secret}; wget -q -O - http://127.0.0.1:${web}/`;
  await withServer(["-i", "--net", "-p", `${web}:${web}`, "-p", `${count}:${count}`], servers, async () => {
    assert.equal(await (await fetch(`http://127.0.0.1:${web}/`)).text(), "from the guest\n");
    assert.equal(text(await ask(await connect(count), new Uint8Array(5000))), "5000\n");
    await assert.rejects(connect(secret), Deno.errors.ConnectionRefused);
    await assert.rejects(connect(web, "127.0.0.2"), Deno.errors.ConnectionRefused);
  });
});

/** Answers one datagram with its text and the result of a connection attempt to the host. */
const UDP_SERVER = `my ($port) = @ARGV;
my $server = IO::Socket::INET->new(Proto => "udp", LocalPort => 53) or die $!;
$| = 1; print "listens\\n";
$server->recv(my $text, 100);
my $host = IO::Socket::INET->new(PeerAddr => "192.168.127.1", PeerPort => $port, Timeout => 10);
$server->send("$text, " . ($host ? "reached" : $!));`;

test("a published UDP port leads to a server in the guest, which cannot reach the host", async () => {
  using service = listen(0);
  const { port } = service.addr;
  const published = freePort();
  const command = ["perl", "-MIO::Socket::INET", "-e", UDP_SERVER, `${port}`];
  await using machine = suite.start(["run", "-p", `${published}:53/udp`, SOFTWARE, ...command]);
  await machine.untilStdout(/listens\n/);
  const client = createSocket("udp4");
  const heard = new Promise((resolve) => client.on("message", (data) => resolve(data.toString())));
  client.send("hello", published, "127.0.0.1");
  assert.match(String(await heard), /^hello, (Network is unreachable|Connection refused|No route to host)$/);
  client.close();
  assertCode(await machine.outcome, 0);
});

test("a published port without a server in the guest closes connections, and never leads to the host", async () => {
  using service = listen(0);
  const { port } = service.addr;
  let accepted = 0;
  const serving = (async () => {
    for await (const conn of service) {
      accepted++;
      conn.close();
    }
  })();
  const published = freePort();
  await withServer(["-i", "--net", "-p", `${published}:${port}`], "true", async () => {
    for (let time = 0; time < 3; time++) {
      using conn = await connect(published);
      assert.equal(text(await readAll(conn)), "");
    }
  });
  assert.equal(accepted, 0);
  service.close();
  await serving;
});

test("20 concurrent connections get their own data, even beside a connection that reads nothing", async () => {
  const port = freePort();
  const echo = "nc -ll -p 7 -e cat &\nuntil netstat -ltn | grep -q ':7 '; do sleep 0.1; done";
  await withServer(["-i", "-p", `${port}:7`], echo, async () => {
    using stalled = await connect(port);
    // Fill every buffer on the way.
    const stuffing = writeAll(stalled, new Uint8Array(64 * 1024 * 1024)).catch(() => {});
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      const question = `${index} `.repeat(1000);
      return [question, text(await ask(await connect(port), new TextEncoder().encode(question)))];
    }));
    for (const [question, answer] of answers) assert.equal(answer, question);
    const large = new Uint8Array(LARGE);
    for (let at = 0; at < LARGE; at += 65_536) crypto.getRandomValues(large.subarray(at, at + 65_536));
    assert.equal(await hash(await ask(await connect(port), large)), await hash(large));
    stalled.close();
    await stuffing;
  });
});

test("a port belongs to one running machine, and is free once the machine was stopped or killed", async () => {
  const port = freePort();
  const echo = ["-p", `${port}:7`, rootfs, "nc", "-ll", "-p", "7", "-e", "cat"];
  for (const name of ["one", "two"]) await create(name, ...echo);
  for (const kill of [true, false]) {
    await start("one");
    // Poll slowly: each attempt starts a process in the guest.
    const hello = async () => text(await ask(await connect(port), new TextEncoder().encode("hello")));
    await until(async () => await hello() === "hello", { everyMs: 100 });
    const refused = await smolvm(["start", "two"]);
    assertCode(refused, 1);
    const taken = `smolvm: Cannot publish port ${port} of 127.0.0.1: it is taken by machine "one"\n`;
    assert.deepEqual([refused.stdout, refused.stderr], ["", taken]);
    assert.equal((await listed("two")).state, "created");
    if (kill) {
      Deno.kill((await listed("one")).pid!, "SIGKILL");
      await until(async () => (await listed("one")).state !== "running");
    } else {
      await stop("-t", "0", "one");
      listen(port).close();
    }
  }
  await start("two");
  await remove("one", "two");
  listen(port).close();
});

// The stack against Linux's TCP, in a network namespace with a tap device, with and without packet loss.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { UNREACHABLE } from "../../src/network/packets.ts";
import { relay } from "../../src/network/relay.ts";
import type { Stack } from "../../src/network/stack.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { pause } from "../helpers/until.ts";
import { buildTapGuest, runGuest, type Troubles } from "./kernel_guest.ts";
import { pattern } from "./pattern.ts";

const MIB = 1024 ** 2;
const LOSSY: Troubles = { seed: 7, loss: 10, duplication: 20, reordering: 20, mtu: 1500 };
/** The addresses that the guest connects to. Both lead to the test's server. */
const REMOTES = { IPv4: "9.9.9.10", IPv6: "2620:fe::9" };
const folder = makeTempFolder();
let program = "";

Deno.test.beforeAll(async () => {
  program = await buildTapGuest(folder.path);
});
Deno.test.afterAll(() => folder[Symbol.dispose]());

function sha256(length: number): string {
  const hash = createHash("sha256");
  for (let at = 0; at < length; at += MIB) hash.update(pattern(at, Math.min(MIB, length - at)));
  return hash.digest("hex");
}

/** Handles a stack's connections: all addresses lead to the test's server. */
function toLoopback(stack: () => Stack, port: number) {
  return {
    onConnect(connection: Parameters<typeof relay>[1]) {
      Deno.connect({ hostname: "127.0.0.1", port }).then(
        (socket) => relay(stack(), connection, socket),
        () => {
          connection.reset();
          stack().settle();
        },
      );
      return undefined;
    },
    onDatagram: () => UNREACHABLE.port,
    onPing: () => UNREACHABLE.prohibited,
  };
}

/** Runs a scenario against a server that handles each connection with `serve`. */
async function withServer(
  serve: (conn: Deno.TcpConn) => Promise<unknown>,
  options: { scenario: string; hostname?: string; size?: number; troubles?: Troubles },
) {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served: Promise<unknown>[] = [];
  const serving = (async () => {
    for await (const conn of listener) served.push(serve(conn));
  })();
  const { port } = listener.addr;
  const { result, stack } = await runGuest({
    program,
    folder: folder.path,
    handle: (stack) => toLoopback(stack, port),
    port,
    ...options,
  });
  listener.close();
  await serving.catch(() => {});
  return { result, stack, served: await Promise.all(served) };
}

async function send(conn: Deno.TcpConn, size: number): Promise<void> {
  for (let at = 0; at < size;) {
    const chunk = pattern(at, Math.min(100_000, size - at));
    for (let done = 0; done < chunk.length;) done += await conn.write(chunk.subarray(done));
    at += chunk.length;
  }
  conn.close();
}

async function count(conn: Deno.TcpConn, pauseMs = 0): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  if (pauseMs > 0) await pause(pauseMs);
  const buffer = new Uint8Array(65_536);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    hash.update(buffer.subarray(0, count));
    bytes += count;
  }
  await conn.write(new TextEncoder().encode(`${bytes} ${hash.digest("hex")}`));
  conn.close();
}

const LINKS = [
  ["a quiet link", {}, 32 * MIB, REMOTES.IPv4],
  ["a quiet IPv6 link", {}, 8 * MIB, REMOTES.IPv6],
  ["a link with loss", LOSSY, MIB / 2, REMOTES.IPv4],
  ["an IPv6 link with loss", LOSSY, MIB / 4, REMOTES.IPv6],
] as const;
for (const [name, troubles, size, hostname] of LINKS) {
  Deno.test(`a guest downloads over ${name}`, async () => {
    const { result } = await withServer((conn) => send(conn, size), { scenario: "download", hostname, troubles });
    assert.deepEqual(result, { bytes: size, sha256: sha256(size) });
  });

  Deno.test(`a guest uploads over ${name}, and gets an answer after it closes its half`, async () => {
    const { result } = await withServer((conn) => count(conn), { scenario: "upload", hostname, size, troubles });
    assert.equal(result, `${size} ${sha256(size)}`);
  });

  Deno.test(`a guest receives its complete echo over ${name}`, async () => {
    const echo = (conn: Deno.TcpConn) => conn.readable.pipeTo(conn.writable);
    const { result } = await withServer(echo, { scenario: "echo", hostname, size, troubles });
    assert.deepEqual(result, { bytes: size, sha256: sha256(size) });
  });
}

Deno.test("a guest that reads slowly slows its server down, and loses no data", async () => {
  const size = 16 * MIB;
  const { result } = await withServer((conn) => send(conn, size), { scenario: "slowDownload" });
  assert.deepEqual(result, { bytes: size, sha256: sha256(size) });
});

Deno.test("a server that reads slowly slows its guest down, and loses no data", async () => {
  const size = 16 * MIB;
  const { result } = await withServer((conn) => count(conn, 1500), { scenario: "upload", size });
  assert.equal(result, `${size} ${sha256(size)}`);
});

Deno.test("a guest uses hundreds of connections at once", async () => {
  const echo = (conn: Deno.TcpConn) => conn.readable.pipeTo(conn.writable);
  const { result } = await withServer(echo, { scenario: "many", size: 400 });
  assert.equal(result, 400);
});

Deno.test("a guest sees refused connections, and prohibited and unreachable addresses, at once", async () => {
  for (const [version, hostname] of Object.entries(REMOTES)) {
    const options = { program, folder: folder.path, port: 1, scenario: "fails", hostname };
    const refused = await runGuest({ ...options, handle: (stack) => toLoopback(stack, 1) });
    assert.match(JSON.stringify(refused.result), /Connection refused.*"isQuick":true/);
    const prohibit = () => UNREACHABLE.prohibited;
    const handle = () => ({ onConnect: prohibit, onDatagram: prohibit, onPing: prohibit });
    const prohibited = await runGuest({ ...options, handle });
    const expected = version === "IPv4" ? /No route to host.*"isQuick":true/ : /Permission denied.*"isQuick":true/;
    assert.match(JSON.stringify(prohibited.result), expected);
  }
  const handle = (stack: () => Stack) => ({
    ...toLoopback(stack, 1),
    onConnect(connection: Parameters<typeof relay>[1]) {
      queueMicrotask(() => stack().unreachable(connection, UNREACHABLE.host));
      return undefined;
    },
  });
  const options = { program, folder: folder.path, port: 1, scenario: "fails", hostname: REMOTES.IPv6 };
  const late = await runGuest({ ...options, handle });
  assert.match(JSON.stringify(late.result), /No route to host.*"isQuick":true/);
});

Deno.test("a guest's reset closes the connection to its server", async () => {
  const reset = async (conn: Deno.TcpConn) => {
    // More than all buffers hold, so that the server is still sending.
    await send(conn, 64 * MIB).then(() => "sent", () => "cut off");
    return "served";
  };
  const { result, served, stack } = await withServer(reset, { scenario: "abandon" });
  assert.deepEqual([result, served, stack.connections], ["abandoned", ["served"], 0]);
});

Deno.test("the gateway answers a guest's pings of any size", async () => {
  const [ipv4, ipv6] = ["192.168.127.1", "fd73:6d6f:6c76:6d00::1"];
  for (const [hostname, size] of [[ipv4, 56], [ipv4, 30_000], [ipv6, 56], [ipv6, 30_000]] as const) {
    const { result } = await runGuest({
      program,
      folder: folder.path,
      handle: (stack) => toLoopback(stack, 1),
      scenario: "ping",
      hostname,
      port: 1,
      size,
    });
    assert.equal(result, "3", `${hostname}: ${size} bytes`);
  }
});
